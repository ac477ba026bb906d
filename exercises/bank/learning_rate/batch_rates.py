"""The rates of a training, batch by batch (row R16)."""

import numpy as np

from exercises import Exercise
from exercises.inputs import FallingRate

exercise = Exercise(
    "A rate for every batch",
    row="R16",
    read="sec-per-batch",
    returns=("rates",),
    statement=r"""
    A schedule is given as a function: `schedule(step, total_steps)` is the rate of the update that
    comes after `step` others, in a training of `total_steps` updates.

    The training goes over the examples several times, once in each epoch. In an epoch each
    mini-batch makes one update. The examples that are left over at the end of an epoch, too few
    for a mini-batch, are dropped. Write the function that gives the rates of all updates of the
    training. The schedule goes once over the whole training.
    """,
)


@exercise.solution
def batch_rates(schedule, epochs, examples, batch):
    """The rates of all updates of a training.

    schedule: schedule(step, total_steps) is the rate of the update after step others
    epochs: how often the training goes over the examples
    examples: how many examples there are
    batch: how many of them a mini-batch has; an incomplete one is dropped

    Returns an array of the rates, one number for each update, in order.
    """
    updates = epochs * (examples // batch)
    return np.array([schedule(step, updates) for step in range(updates)])


@exercise.reference
def reference(schedule, epochs, examples, batch):
    # A training that is run, and asks for its rates when it knows how many updates it made.
    made = [
        (epoch, start)
        for epoch in range(epochs)
        for start in range(0, examples, batch)
        if start + batch <= examples
    ]
    return schedule(np.arange(len(made)), len(made))


@exercise.probe
def probe(draw):
    epochs, each = draw.rng.choice([2, 3, 4, 5], 2, replace=False)
    batch = int(draw.rng.integers(3, 9))
    examples = int(each * batch + draw.rng.integers(batch))
    schedule = FallingRate(draw.number(0.4, 1.6), draw.number(2, 6))
    return schedule, int(epochs), examples, batch


def counts(epochs, examples, batch):
    """For each update its epoch and its place in it, and the number of updates in an epoch."""
    each = examples // batch
    epoch, place = np.divmod(np.arange(epochs * each), each)
    return epoch, place, each


@exercise.mistake("sec-per-batch")
def per_epoch(schedule, epochs, examples, batch):
    """All updates of an epoch have the same rate: the schedule steps once an epoch.

    What is an update: a mini-batch, or an epoch?
    """
    epoch, _, _ = counts(epochs, examples, batch)
    return schedule(epoch, epochs)


@exercise.mistake("sec-per-batch")
def start_of_the_epoch(schedule, epochs, examples, batch):
    """All updates of an epoch have the rate of its first one.

    The steps are counted rightly, but once an epoch. How often does the rate change?
    """
    epoch, _, each = counts(epochs, examples, batch)
    return schedule(epoch * each, epochs * each)


@exercise.mistake("sec-per-batch")
def parts_of_epochs(schedule, epochs, examples, batch):
    """The schedule is told of epochs and parts of epochs.

    Many schedules would not mind, but this one is made for updates. Count those.
    """
    epoch, place, each = counts(epochs, examples, batch)
    return schedule(epoch + place / each, epochs)


@exercise.mistake("sec-per-batch")
def examples_for_both(schedule, epochs, examples, batch):
    """The schedule is told of examples in both places.

    It is made for updates. How many examples does one take?
    """
    epoch, _, _ = counts(epochs, examples, batch)
    return schedule(batch * np.arange(len(epoch)), epochs * examples)


@exercise.mistake("sec-per-batch")
def per_next_epoch(schedule, epochs, examples, batch):
    """All updates of an epoch have the same rate, the one that is due at the epoch's end.

    What is an update: a mini-batch, or an epoch?
    """
    epoch, _, _ = counts(epochs, examples, batch)
    return schedule(epoch + 1, epochs)


@exercise.mistake("sec-per-batch")
def epoch_for_step(schedule, epochs, examples, batch):
    """The schedule knows the number of updates, but steps once an epoch, and hardly gets anywhere.

    Both numbers that it is given have to count the same thing.
    """
    epoch, _, each = counts(epochs, examples, batch)
    return schedule(epoch, epochs * each)


@exercise.mistake("sec-per-batch")
def epochs_for_total(schedule, epochs, examples, batch):
    """The schedule steps at each update, but was made for as many steps as there are epochs.

    Both numbers that it is given have to count the same thing.
    """
    epoch, _, _ = counts(epochs, examples, batch)
    return schedule(np.arange(len(epoch)), epochs)


@exercise.mistake("sec-one-cycle-dialects")
def one_epoch_for_total(schedule, epochs, examples, batch):
    """The schedule was made for one epoch, and is over when that ends.

    How many updates does the whole training make?
    """
    epoch, _, each = counts(epochs, examples, batch)
    return schedule(np.arange(len(epoch)), each)


@exercise.mistake("sec-one-cycle-dialects")
def anew_each_epoch(schedule, epochs, examples, batch):
    """The schedule begins anew in each epoch.

    It should go over the training once.
    """
    _, place, each = counts(epochs, examples, batch)
    return schedule(place, each)


@exercise.mistake("sec-one-cycle-dialects")
def step_of_the_epoch(schedule, epochs, examples, batch):
    """The updates are counted from 0 in each epoch.

    How many were made in the epochs before?
    """
    _, place, each = counts(epochs, examples, batch)
    return schedule(place, epochs * each)


@exercise.mistake("sec-per-batch")
def from_one(schedule, epochs, examples, batch):
    """Each update has the rate of the next one.

    How many updates were made before the first?
    """
    epoch, _, _ = counts(epochs, examples, batch)
    return schedule(np.arange(1, len(epoch) + 1), len(epoch))


@exercise.mistake("sec-per-batch")
def total_with_the_rest(schedule, epochs, examples, batch):
    """The number of rates is right, but the schedule is told of more updates: it counts the
    mini-batches that are dropped.

    How many mini-batches of an epoch make an update?
    """
    epoch, _, _ = counts(epochs, examples, batch)
    return schedule(np.arange(len(epoch)), epochs * -(-examples // batch))


@exercise.mistake("sec-per-batch")
def total_with_fraction(schedule, epochs, examples, batch):
    """The schedule is told of a number of updates that need not be whole: it counts the examples
    that are dropped.

    Print the number that you give it as total_steps.
    """
    epoch, _, _ = counts(epochs, examples, batch)
    return schedule(np.arange(len(epoch)), epochs * examples / batch)


@exercise.mistake("sec-per-batch")
def total_over_all(schedule, epochs, examples, batch):
    """The schedule is told of the mini-batches that all epochs together would fill.

    What is left over is dropped at the end of each epoch. When do you round?
    """
    epoch, _, _ = counts(epochs, examples, batch)
    return schedule(np.arange(len(epoch)), epochs * examples // batch)


@exercise.mistake("sec-per-batch")
def examples_for_total(schedule, epochs, examples, batch):
    """The schedule is told of as many updates as the training sees examples.

    How many examples does one update take?
    """
    epoch, _, _ = counts(epochs, examples, batch)
    return schedule(np.arange(len(epoch)), epochs * examples)


@exercise.mistake("sec-per-batch")
def examples_for_step(schedule, epochs, examples, batch):
    """The step counts examples, while the total counts updates.

    Both numbers that the schedule is given have to count the same thing.
    """
    epoch, _, _ = counts(epochs, examples, batch)
    return schedule(batch * np.arange(len(epoch)), len(epoch))


@exercise.mistake("sec-per-batch")
def total_too_small(schedule, epochs, examples, batch):
    """The number of rates is right, but the schedule is told of one update less.

    In total_steps all updates count, the first one and the last one.
    """
    epoch, _, _ = counts(epochs, examples, batch)
    return schedule(np.arange(len(epoch)), len(epoch) - 1)


@exercise.mistake("sec-per-batch")
def total_too_large(schedule, epochs, examples, batch):
    """The number of rates is right, but the schedule is told of one update more.

    In total_steps all updates count, and nothing else.
    """
    epoch, _, _ = counts(epochs, examples, batch)
    return schedule(np.arange(len(epoch)), len(epoch) + 1)


@exercise.mistake("sec-per-batch")
def other_order(schedule, epochs, examples, batch):
    """The rates are right, but not in the order in which they are due.

    Which of your two loops is the outer one?
    """
    steps = np.arange(epochs * (examples // batch)).reshape(epochs, -1)
    return schedule(steps.T.ravel(), steps.size)


@exercise.mistake("sec-per-batch")
def epochs_for_each(schedule, epochs, examples, batch):
    """For the updates of earlier epochs each epoch counts as if it had as many as there are epochs.

    How many updates does one epoch make?
    """
    epoch, place, each = counts(epochs, examples, batch)
    return schedule(epoch * epochs + place, epochs * each)


@exercise.mistake("sec-per-batch")
def epoch_added(schedule, epochs, examples, batch):
    """The number of the epoch is added to that of the mini-batch.

    How many updates does one epoch make?
    """
    epoch, place, each = counts(epochs, examples, batch)
    return schedule(epoch + place, epochs * each)


@exercise.mistake("sec-per-batch")
def never_steps(schedule, epochs, examples, batch):
    """All updates have the rate of the first.

    What does the schedule have to be told each time?
    """
    epoch, _, each = counts(epochs, examples, batch)
    return schedule(0 * epoch, epochs * each)


@exercise.mistake("sec-per-batch")
def backwards(schedule, epochs, examples, batch):
    """The rates come in the opposite order.

    The step says how many updates were made, not how many are left.
    """
    epoch, _, each = counts(epochs, examples, batch)
    return schedule(np.arange(len(epoch))[::-1], epochs * each)
