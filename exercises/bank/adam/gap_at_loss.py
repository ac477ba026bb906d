"""The generalization gap at a given training loss (row R8)."""

import numpy as np

from exercises import Exercise

exercise = Exercise(
    "The gap at equal training loss",
    row="R8",
    read="sec-equal-loss",
    returns=("gap",),
    statement=r"""
    Two optimizers are to be compared by their generalization gap, the test loss less the training
    loss. The gap grows while a network trains, so that after equal steps the faster one has the
    larger gap by its speed alone. The comparison is made where both have the same training loss.

    Write the function that takes one run, its training and its test losses at the same records,
    and finds the gap at the first record whose training loss is at most `level`. The losses are
    noisy. If no record reaches the level, the gap is 0.
    """,
)


@exercise.solution
def gap_at_loss(train, test, level):
    """The generalization gap at the first record whose training loss is at most a given level.

    train: an array, the training loss at each record
    test: an array of the same length, the test loss at each record
    level: the training loss that must be reached

    Returns the gap, the test loss less the training loss; 0 if the level is never reached.
    """
    reached = np.flatnonzero(train <= level)
    if not reached.size:
        return 0.0
    return test[reached[0]] - train[reached[0]]


@exercise.reference
def reference(train, test, level):
    for one, other in zip(train, test, strict=True):
        if one <= level:
            return float(other - one)
    return 0.0


@exercise.probe
def probe(draw):
    n = int(draw.rng.integers(9, 14))
    train = np.round(2 * np.exp(-0.2 * np.arange(n)) * draw.rng.uniform(0.4, 1.6, n), 2)
    test = np.round(0.4 * train + draw.rng.uniform(0.05, 0.9, n), 2)
    if draw.shape == (2,):  # never reached, and the last record is not the lowest
        train[-1] += train.min()
        return train, test, train.min() / 2
    if draw.shape == (3,):  # reached by the last record alone
        train[-1] = np.round(train.min() / 2, 2)
        return train, test, float(train[-1]) + draw.number(0, 0.02)
    if draw.shape == (2, 2):  # reached at once, where the test loss is lower, and again later
        train[0] = train[n // 2]
        test[0] = np.round(0.8 * train[0], 2)
        above = draw.number(0.06, 0.15)
        train[n // 2] += above / 2  # nearer to the level
        return train, test, float(train[0]) + above
    # The loss of the record that reaches it first, and that of a later one.
    level = float(np.sort(train[1:-1])[draw.rng.integers(1, n // 2)])
    train[0] = 2.0
    at = first(train <= level)
    train[at] = level
    train[at + 1] = max(train[at + 1], level + 0.05)
    train[-1] = np.round(level / 2, 2)
    return train, test, level


def first(reached):
    """The first record that has it, or -1."""
    return int(np.argmax(reached)) if np.any(reached) else -1


def gap(train, test, at):
    """The gap at a record, 0 for none."""
    return float(test[at] - train[at]) if at >= 0 else 0.0


@exercise.mistake("sec-equal-loss")
def at_the_end(train, test, level):
    """This is the gap at the last record.

    The level is not used. At which record is the training loss the same for both optimizers?
    """
    return float(test[-1] - train[-1])


@exercise.mistake("sec-equal-loss")
def end_if_never(train, test, level):
    """A run that never reaches the level is given the gap of its last record.

    It has no gap at this level. What does the text say of such a run?
    """
    at = first(train <= level)
    return gap(train, test, at if at >= 0 else len(train) - 1)


@exercise.mistake("sec-equal-loss")
def turned_round(train, test, level):
    """The sign is turned round.

    A model that does worse on new data has a positive gap.
    """
    return -gap(train, test, first(train <= level))


@exercise.mistake("sec-equal-loss")
def last_crossing(train, test, level):
    """This is the last record at or below the level, not the first.

    A noisy loss goes below the level more than once.
    """
    reached = np.flatnonzero(train <= level)
    return gap(train, test, int(reached[-1]) if reached.size else -1)


@exercise.mistake("sec-equal-loss")
def stays_below(train, test, level):
    """This is the record from which on the training loss stays at or below the level.

    The first record that reaches it is asked for, even if the next one is above.
    """
    above = np.flatnonzero(train > level)
    at = int(above[-1]) + 1 if above.size else 0
    return gap(train, test, at if at < len(train) else -1)


@exercise.mistake("sec-equal-loss")
def test_reaches(train, test, level):
    """The test loss is held against the level.

    Which of the two losses is made equal?
    """
    return gap(train, test, first(test <= level))


@exercise.mistake("sec-equal-loss")
def above_the_level(train, test, level):
    """This is the first record at or above the level.

    A loss falls. On which side of the level does a run begin?
    """
    return gap(train, test, first(train >= level))


@exercise.mistake("sec-equal-loss")
def record_before(train, test, level):
    """This is the record before the level is reached.

    There the training loss still is above it.
    """
    at = first(train <= level)
    return float(test[at - 1] - train[at - 1]) if at >= 0 else 0.0


@exercise.mistake("sec-equal-loss")
def record_after(train, test, level):
    """This is the record after the level is reached.

    Does your loop take one step too many, or does your count begin at 1?
    """
    at = first(train <= level)
    return gap(train, test, min(at + 1, len(train) - 1) if at >= 0 else -1)


@exercise.mistake("sec-equal-loss")
def nearest(train, test, level):
    """This is the record whose training loss is nearest to the level.

    It may lie above it. The first one at or below is asked for.
    """
    return gap(train, test, int(np.argmin(abs(train - level))))


@exercise.mistake("sec-equal-loss")
def lowest_training_loss(train, test, level):
    """This is the record with the lowest training loss.

    That is another level for each run.
    """
    return gap(train, test, int(np.argmin(train)))


@exercise.mistake("sec-equal-loss")
def best_test_loss(train, test, level):
    """The test loss is the lowest one of the run, not that of the record.

    Both losses belong to the same record, and the test data choose nothing.
    """
    at = first(train <= level)
    return float(test.min() - train[at]) if at >= 0 else 0.0


@exercise.mistake("sec-equal-loss")
def test_loss_alone(train, test, level):
    """This is the test loss, not the gap.

    What is taken off it?
    """
    at = first(train <= level)
    return float(test[at]) if at >= 0 else 0.0


@exercise.mistake("sec-equal-loss")
def less_the_level(train, test, level):
    """The level is taken off the test loss, not the training loss.

    The record lies somewhat below the level.
    """
    at = first(train <= level)
    return float(test[at] - level) if at >= 0 else 0.0


@exercise.mistake("sec-equal-loss")
def a_ratio(train, test, level):
    """This is the test loss divided by the training loss.

    A gap is a difference.
    """
    at = first(train <= level)
    return float(test[at] / train[at]) if at >= 0 else 0.0


@exercise.mistake("sec-equal-loss")
def mean_from_there(train, test, level):
    """This is the mean of the gaps from that record on.

    It grows with the length of the run, and with the speed of the optimizer.
    """
    at = first(train <= level)
    return float(np.mean(test[at:] - train[at:])) if at >= 0 else 0.0


@exercise.mistake("sec-equal-loss")
def strictly_below(train, test, level):
    """A record whose training loss is the level itself does not count.

    Is "at most" written with < or with <= ?
    """
    return gap(train, test, first(train < level))


@exercise.mistake("sec-equal-loss")
def first_if_never(train, test, level):
    """A run that never reaches the level is given the gap of its first record.

    NumPy's argmax is 0 too where nothing is true. What does the text say of such a run?
    """
    return gap(train, test, max(first(train <= level), 0))


@exercise.mistake("sec-equal-loss")
def best_if_never(train, test, level):
    """A run that never reaches the level is given the gap of its lowest training loss.

    It has no gap at this level. What does the text say of such a run?
    """
    at = first(train <= level)
    return gap(train, test, at if at >= 0 else int(np.argmin(train)))


@exercise.mistake("sec-equal-loss")
def only_first_record(train, test, level):
    """Only the first record is looked at.

    Where does your return for a run that never gets there stand: in the loop, or after it?
    """
    return gap(train, test, 0 if train[0] <= level else -1)


@exercise.mistake("sec-equal-loss")
def first_record_skipped(train, test, level):
    """The first record is not looked at.

    The number of an array's first place is 0. Where does your loop begin?
    """
    at = first(train[1:] <= level)
    return gap(train, test, at + 1 if at >= 0 else -1)


@exercise.mistake("sec-equal-loss")
def last_record_skipped(train, test, level):
    """The last record is not looked at.

    Where does your loop end?
    """
    return gap(train, test, first(train[:-1] <= level))


@exercise.mistake("sec-equal-loss")
def sign_dropped(train, test, level):
    """The gap never is negative.

    Where the model does better on the test data, which sign does the difference have?
    """
    return abs(gap(train, test, first(train <= level)))


@exercise.mistake("sec-equal-loss")
def mean_at_or_below(train, test, level):
    """This is the mean over all records at or below the level.

    One record is asked for: the first of them.
    """
    reached = train <= level
    return float((test - train)[reached].mean()) if reached.any() else 0.0
