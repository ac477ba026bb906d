"""Choosing settings and reporting a result from different data (row R25)."""

from statistics import median

import numpy as np

from exercises import Exercise

exercise = Exercise(
    "Tune on one part, report on another",
    row="R25",
    read="sec-fair",
    returns=("setting", "score"),
    statement=r"""
    An optimizer was trained with several settings, each from the same few seeds. Of every run you
    have the loss on the validation part and the loss on the test part: two arrays with a row a
    setting and a column a seed.

    The book's protocol is: the best setting is the one with the lowest *median validation loss*
    over the seeds, and what counts in the comparison is its *median test loss*. A run that diverged
    has the loss `inf`, which counts as larger than all others.

    Write the function that applies it.
    """,
)


@exercise.solution
def fair_score(validation, test):
    """The setting that tuning chooses, and the loss that is reported for it.

    validation: losses on the validation part, an array (settings, seeds)
    test: losses on the test part, of the same shape

    Returns setting, the index of its row from 0, and score, its median test loss.
    """
    setting = int(np.argmin(np.median(validation, axis=1)))
    return setting, np.median(test[setting])


@exercise.reference
def reference(validation, test):
    _, setting = min((median(row), i) for i, row in enumerate(np.asarray(validation).tolist()))
    return float(setting), median(np.asarray(test)[setting].tolist())


def medians(losses):
    """The median over the seeds of each setting."""
    return np.median(losses, axis=1)


def finished(losses):
    """The same over the seeds whose run did not diverge."""
    return np.nanmedian(np.where(np.isinf(losses), np.nan, losses), axis=1)


# Wrong ways to score the settings. Each leads elsewhere on one of the shapes at least.
wrong_ways = {
    (): (
        lambda validation, test: medians(test),
        lambda validation, test: validation.min(1),
        lambda validation, test: np.sort(validation)[:, validation.shape[1] // 2],
    ),
    (2,): (
        lambda validation, test: validation.mean(1),
        lambda validation, test: validation[:, -1],
    ),
    (3,): (
        lambda validation, test: medians(test),
        lambda validation, test: validation.max(1),
        lambda validation, test: validation[:, 0],
        lambda validation, test: np.sort(validation)[:, (validation.shape[1] - 1) // 2],
    ),
    (2, 2): (
        lambda validation, test: medians(test),
        lambda validation, test: finished(validation),
    ),
}


@exercise.probe
def probe(draw):
    even = draw.shape in ((), (3,))
    settings, seeds = int(draw.rng.integers(4, 7)), 4 if even else int(draw.rng.integers(3, 7))
    while True:
        validation = np.round(draw.rng.uniform(0.1, 2, (settings, seeds)), 2)
        test = np.round(validation * draw.rng.uniform(0.6, 1.7, (settings, seeds)), 2)
        if draw.shape:  # one run that diverged, but for the simplest inputs
            row, column = draw.rng.integers(settings), draw.rng.integers(seeds)
            validation[row, column] = test[row, column] = np.inf
        first, second = np.sort(medians(validation))[:2]
        if second - first <= 0.02:  # no ties
            continue
        best = int(np.argmin(medians(validation)))
        # On one of the shapes a run of the best setting is lost.
        if draw.shape == (2,) and not np.isinf(validation[best]).any():
            continue
        if all(np.argmin(way(validation, test)) != best for way in wrong_ways[draw.shape]):
            return validation, test


def answer(setting, score):
    """A setting, and what is reported for it."""
    return int(setting), float(score)


@exercise.mistake("sec-fair")
def chosen_by_test(validation, test):
    """The setting is chosen by the test loss.

    Then the test part has been used to tune, and its loss is too good to be reported.
    """
    setting = np.argmin(medians(test))
    return answer(setting, np.median(test[setting]))


@exercise.mistake("sec-fair")
def validation_reported(validation, test):
    """The setting is right, but its validation loss is reported.

    It was chosen because this loss is low. Which part was not looked at?
    """
    setting = np.argmin(medians(validation))
    return answer(setting, np.median(validation[setting]))


@exercise.mistake("sec-fair")
def best_test_score(validation, test):
    """The setting is right, but the score is the lowest median of all settings.

    Report what the chosen setting reaches.
    """
    return answer(np.argmin(medians(validation)), medians(test).min())


@exercise.mistake("sec-fair")
def lucky_seed(validation, test):
    """The setting is chosen by its best seed.

    One lucky run says little. What is taken over the seeds?
    """
    setting = np.argmin(validation.min(axis=1))
    return answer(setting, np.median(test[setting]))


@exercise.mistake("sec-fair")
def unlucky_seed(validation, test):
    """The setting is chosen by its worst seed.

    That is a protocol too, but not this one. What is taken over the seeds?
    """
    setting = np.argmin(validation.max(axis=1))
    return answer(setting, np.median(test[setting]))


@exercise.mistake("sec-fair")
def chosen_by_mean(validation, test):
    """The setting is chosen by the mean of its validation losses.

    One run that diverged makes a mean infinite. What is taken over the seeds?
    """
    setting = np.argmin(validation.mean(axis=1))
    return answer(setting, np.median(test[setting]))


@exercise.mistake("sec-fair")
def lucky_run(validation, test):
    """The setting is right, but the score is its best run's.

    What is taken over the seeds?
    """
    setting = np.argmin(medians(validation))
    return answer(setting, test[setting].min())


@exercise.mistake("sec-fair")
def worst_run(validation, test):
    """The setting is right, but the score is its worst run's.

    What is taken over the seeds?
    """
    setting = np.argmin(medians(validation))
    return answer(setting, test[setting].max())


@exercise.mistake("sec-fair")
def mean_reported(validation, test):
    """The setting is right, but the mean of its test losses is reported.

    What is taken over the seeds?
    """
    setting = np.argmin(medians(validation))
    return answer(setting, test[setting].mean())


@exercise.mistake("sec-fair")
def all_runs(validation, test):
    """The setting is right, but the score is the median over the runs of all settings.

    Take the runs of one setting only.
    """
    return answer(np.argmin(medians(validation)), np.median(test))


@exercise.mistake("sec-fair")
def same_seed(validation, test):
    """The setting is right, but the score is the test loss of the seed with the best validation.

    The seeds are not tuned. What is taken over them?
    """
    setting = np.argmin(medians(validation))
    return answer(setting, test[setting, np.argmin(validation[setting])])


@exercise.mistake("sec-fair")
def counted_from_one(validation, test):
    """The score is right, but the setting is counted from 1.

    The first row has the index 0.
    """
    setting = np.argmin(medians(validation))
    return answer(setting + 1, np.median(test[setting]))


@exercise.mistake("sec-fair")
def the_largest(validation, test):
    """The setting with the largest median is chosen.

    A loss is better when it is lower.
    """
    setting = np.argmax(medians(validation))
    return answer(setting, np.median(test[setting]))


@exercise.mistake("sec-fair")
def over_the_settings(validation, test):
    """The medians are taken over the settings, not over the seeds.

    A row is a setting, a column a seed. Over which axis do you take them?
    """
    column = np.argmin(np.median(validation, axis=0))
    return answer(column, np.median(test[:, column]))


@exercise.mistake("sec-fair")
def first_seed_only(validation, test):
    """The setting is chosen by the first seed alone.

    Tuning looks at all seeds.
    """
    setting = np.argmin(validation[:, 0])
    return answer(setting, np.median(test[setting]))


@exercise.mistake("sec-fair")
def last_seed_only(validation, test):
    """The setting is chosen by the last seed alone.

    Tuning looks at all seeds.
    """
    setting = np.argmin(validation[:, -1])
    return answer(setting, np.median(test[setting]))


@exercise.mistake("sec-fair")
def diverged_left_out(validation, test):
    """Runs that diverged are left out.

    A setting with which some runs are lost must not gain by it. As what does such a run count?
    """
    setting = np.argmin(finished(validation))
    return answer(setting, finished(test)[setting])


@exercise.mistake("sec-fair")
def diverged_left_out_in_tuning(validation, test):
    """In tuning the runs that diverged are left out.

    A setting with which some runs are lost must not gain by it. As what does such a run count?
    """
    setting = np.argmin(finished(validation))
    return answer(setting, np.median(test[setting]))


@exercise.mistake("sec-fair")
def means_throughout(validation, test):
    """Means over the seeds are taken, in both parts.

    One run that diverged makes a mean infinite. What is taken over the seeds?
    """
    setting = np.argmin(validation.mean(axis=1))
    return answer(setting, test[setting].mean())


@exercise.mistake("sec-fair")
def best_run(validation, test):
    """The run with the lowest validation loss is looked for, not the best setting.

    The seeds are not tuned. What is taken over them?
    """
    setting, seed = np.unravel_index(np.argmin(validation), validation.shape)
    return answer(setting, test[setting, seed])


@exercise.mistake("sec-fair")
def both_parts(validation, test):
    """The setting is chosen by both parts together.

    Then the test part has been used to tune. Which part is there for the choice?
    """
    setting = np.argmin(medians(validation) + medians(test))
    return answer(setting, np.median(test[setting]))


@exercise.mistake("sec-fair")
def one_of_the_middle(validation, test):
    """The setting is right, but of two losses in the middle only the upper one is reported.

    With an even number of seeds the median lies between two of them.
    """
    setting = np.argmin(medians(validation))
    return answer(setting, np.sort(test[setting])[len(test[setting]) // 2])


@exercise.mistake("sec-fair")
def lower_of_the_middle(validation, test):
    """The setting is right, but of two losses in the middle only the lower one is reported.

    With an even number of seeds the median lies between two of them.
    """
    setting = np.argmin(medians(validation))
    return answer(setting, np.sort(test[setting])[(len(test[setting]) - 1) // 2])


@exercise.mistake("sec-fair")
def exchanged(validation, test):
    """The two parts are exchanged: the test loss chooses, and the validation loss is reported.

    Which part is there for the choice?
    """
    setting = np.argmin(medians(test))
    return answer(setting, np.median(validation[setting]))


@exercise.mistake("sec-fair")
def diverged_left_out_of_the_score(validation, test):
    """The setting is right, but in its score the runs that diverged are left out.

    As what does such a run count?
    """
    setting = np.argmin(medians(validation))
    return answer(setting, finished(test)[setting])
