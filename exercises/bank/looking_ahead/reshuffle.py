"""Which examples a step sees when every epoch is shuffled anew (row R23)."""

import numpy as np

from exercises import Exercise

exercise = Exercise(
    "The mini-batches of shuffled epochs",
    row="R23",
    read="sec-reshuffling",
    returns=("examples",),
    statement=r"""
    A training set has $N$ examples $x_0, \dots, x_{N-1}$. For each epoch their indices were put
    into a random order: row $e$ of `orders` has them in the order of epoch $e$, where the first
    epoch is row 0. Each epoch is cut into mini-batches of $B$ from its beginning. What is
    left at its end is less than a mini-batch, and is left out. The next step then begins the next
    epoch.

    Steps are counted from $t = 1$, over all epochs. Write the function that says which examples
    step $t$ sees.
    """,
)


@exercise.solution
def reshuffle(x, orders, batch, t):
    """The examples of a step.

    x: the examples, an array of N numbers
    orders: an array (epochs, N); a row has the indices 0 to N - 1 in the order of that epoch
    batch: the size B of a mini-batch
    t: the step, counted from 1 over all epochs

    Returns an array of B examples, in the order of the epoch.
    """
    per_epoch = orders.shape[1] // batch
    epoch, place = divmod(t - 1, per_epoch)
    return x[orders[epoch, place * batch : (place + 1) * batch]]


@exercise.reference
def reference(x, orders, batch, t):
    # All steps one after another, without a division.
    ends = range(batch, orders.shape[1] + 1, batch)
    return [x[order[end - batch : end]] for order in orders for end in ends][t - 1]


@exercise.probe
def probe(draw):
    batch, whole = int(draw.rng.integers(3, 5)), int(draw.rng.integers(3, 6))
    examples = whole * batch + int(draw.rng.integers(1, batch))
    orders = np.array([draw.rng.permutation(examples) for _ in range(5)])
    # Never where a short last batch would come, had it been kept.
    steps = [t for t in range(2, 3 * whole + 1) if t % (whole + 1)]
    if draw.shape == (2,):  # the end of an epoch
        steps = [t for t in steps if t % whole == 0]
    if draw.shape == (3,):  # the beginning of a later one
        steps = [t for t in steps if t % whole == 1]
    x = np.round(draw.rng.permutation(examples) + draw.rng.uniform(0.1, 0.9, examples), 2)
    return x, orders, batch, int(draw.rng.choice(steps))


def cut(order, place, batch):
    """The mini-batch at a place of an epoch."""
    return order[place * batch : (place + 1) * batch]


def parts(orders, batch, t):
    """Epoch and place within it, both from 0."""
    return divmod(t - 1, orders.shape[1] // batch)


@exercise.mistake("sec-reshuffling")
def counted_from_zero(x, orders, batch, t):
    """The steps are counted from 0: this is the mini-batch of the next step.

    Which examples does step 1 see?
    """
    return reshuffle(x, orders, batch, t + 1)


@exercise.mistake("sec-what-else-dialects")
def last_one_kept(x, orders, batch, t):
    """The short mini-batch at the end of an epoch counts as a step.

    It is left out here. How many whole mini-batches does an epoch have?
    """
    epoch, place = divmod(t - 1, -(-orders.shape[1] // batch))
    return x[cut(orders[epoch], place, batch)]


@exercise.mistake("sec-what-else-dialects")
def same_order(x, orders, batch, t):
    """Every epoch has the order of the first.

    That is shuffling once. Which row of the orders belongs to this epoch?
    """
    _, place = parts(orders, batch, t)
    return x[cut(orders[0], place, batch)]


@exercise.mistake("sec-reshuffling")
def across_epochs(x, orders, batch, t):
    """The orders are joined, and mini-batches go across the end of an epoch.

    An epoch begins with a mini-batch of its own.
    """
    return x[cut(orders.ravel(), t - 1, batch)]


@exercise.mistake("sec-reshuffling")
def not_shuffled(x, orders, batch, t):
    """The examples are taken as they stand in x, in no random order.

    Which indices stand at these places in the order of the epoch?
    """
    _, place = parts(orders, batch, t)
    return x[cut(np.arange(orders.shape[1]), place, batch)]


@exercise.mistake("sec-reshuffling")
def inverted(x, orders, batch, t):
    """The order is read the wrong way round: where each example stands, not who stands where.

    The row itself is the list of examples. It need not be sorted or inverted.
    """
    epoch, place = parts(orders, batch, t)
    return x[cut(orders[epoch].argsort(), place, batch)]


@exercise.mistake("sec-reshuffling")
def next_epoch(x, orders, batch, t):
    """The place is right, but the order is that of the next epoch.

    The first epoch is row 0.
    """
    epoch, place = parts(orders, batch, t)
    return x[cut(orders[epoch + 1], place, batch)]


@exercise.mistake("sec-reshuffling")
def place_off_by_one(x, orders, batch, t):
    """The epoch is right, but this is the next mini-batch of it.

    Take one from t before both the quotient and the remainder.
    """
    whole = orders.shape[1] // batch
    return x[cut(orders[(t - 1) // whole], t % whole, batch)]


@exercise.mistake("sec-reshuffling")
def epoch_off_by_one(x, orders, batch, t):
    """The epoch is right, but this is the mini-batch before.

    The first mini-batch of an epoch begins at place 0.
    """
    whole = orders.shape[1] // batch
    return x[cut(orders[(t - 1) // whole], (t - 2) % whole, batch)]


@exercise.mistake("sec-reshuffling")
def strided(x, orders, batch, t):
    """Every n-th example is taken, not neighbours.

    A mini-batch is a piece of the order: what is the number of its first place?
    """
    epoch, place = parts(orders, batch, t)
    return x[orders[epoch][place :: orders.shape[1] // batch][:batch]]


@exercise.mistake("sec-reshuffling")
def from_the_end(x, orders, batch, t):
    """The epoch is cut from its end.

    The first mini-batch stands at the beginning of the row.
    """
    epoch, place = parts(orders, batch, t)
    return x[cut(orders[epoch][::-1], place, batch)]


@exercise.mistake("sec-reshuffling")
def put_in_order(x, orders, batch, t):
    """The right examples, but in the order of their indices.

    Leave them as they stand in the row.
    """
    epoch, place = parts(orders, batch, t)
    return x[np.sort(cut(orders[epoch], place, batch))]


@exercise.mistake("sec-reshuffling")
def one_place_on(x, orders, batch, t):
    """The mini-batch begins one example too late.

    Python counts places from 0.
    """
    epoch, place = parts(orders, batch, t)
    return x[orders[epoch][place * batch + 1 : (place + 1) * batch + 1]]


@exercise.mistake("sec-reshuffling")
def every_step_anew(x, orders, batch, t):
    """Each step takes the beginning of the order: it moves on to a new epoch at once.

    An epoch has many steps. Go on in its order, until all were seen.
    """
    return x[orders[(t - 1) % len(orders)][:batch]]


@exercise.mistake("sec-reshuffling")
def stays_at_the_beginning(x, orders, batch, t):
    """All steps of an epoch see its first mini-batch.

    Where in the order does this step begin?
    """
    epoch, _ = parts(orders, batch, t)
    return x[cut(orders[epoch], 0, batch)]


@exercise.mistake("sec-reshuffling")
def by_one_example(x, orders, batch, t):
    """The place moves on by one example a step.

    A step uses up a whole mini-batch.
    """
    epoch, place = parts(orders, batch, t)
    return x[orders[epoch][place : place + batch]]


@exercise.mistake("sec-reshuffling")
def shuffled_again(x, orders, batch, t):
    """Each order is applied to the one before.

    The rows are complete: each stands for itself.
    """
    epoch, place = parts(orders, batch, t)
    order = orders[0]
    for row in orders[1 : epoch + 1]:
        order = order[row]
    return x[cut(order, place, batch)]


@exercise.mistake("sec-reshuffling")
def epoch_begins_early(x, orders, batch, t):
    """The place is right, but the last step of an epoch takes the order of the next one.

    Count the epoch from the same number as the place.
    """
    whole = orders.shape[1] // batch
    return x[cut(orders[t // whole], (t - 1) % whole, batch)]


@exercise.mistake("sec-reshuffling")
def swapped(x, orders, batch, t):
    """Epoch and place are taken for each other.

    One of quotient and remainder counts the epochs that are over. Which?
    """
    epoch, place = parts(orders, batch, t)
    return x[cut(orders[place], epoch, batch)]


@exercise.mistake("sec-what-else-dialects")
def left_out_at_the_beginning(x, orders, batch, t):
    """What is less than a mini-batch is left out at the beginning of the epoch.

    It is the end that is left out.
    """
    epoch, place = parts(orders, batch, t)
    left = orders.shape[1] % batch
    return x[cut(orders[epoch][left:], place, batch)]


@exercise.mistake("sec-reshuffling")
def turned_round(x, orders, batch, t):
    """The right examples, but the last of them first.

    Leave them as they stand in the row.
    """
    epoch, place = parts(orders, batch, t)
    return x[cut(orders[epoch], place, batch)][::-1]
