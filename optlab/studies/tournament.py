"""A tournament: every optimizer on every task, and which of two teams is ahead where."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import xarray as xr

from optlab import plots
from optlab.card import Evidence, Setting, Verdict
from optlab.statistics import Estimate, estimate, number, ratio
from optlab.studies.comparison import SettingsGrid, at_end, compared
from optlab.tasks import Classification
from optlab.tuning import last
from optlib.rule import Rule
from optlib.schedules import linear_decay
from optlib.table import Table

Tasks = tuple[Callable[..., Classification], ...]
"""Each gives a task; with `large=True` the one for a GPU."""


@dataclass(frozen=True)
class Tournament:
    """Every optimizer on every task, each tuned there, and the best of each of two teams.

    Attributes
    ----------
    teams : dict of str to tuple of Rule
        Two teams by name.
    beside : tuple of Rule
        Optimizers that are in the table and in neither team.
    grids : dict of str to dict
        By optimizer what is tuned, as many settings for each.
    ahead : dict of str to tuple of callable
        By team the tasks on which it is claimed to be ahead.
    others : tuple of callable
        Tasks of which nothing is claimed.
    steps : int
        Length of each run. Every rate falls on a straight line to 0 at the end.
    seeds, tuning_seeds : int
        Number of seeds of the comparison, and of other seeds by which the settings are chosen.

    Raises
    ------
    ValueError
        Not two teams, an optimizer without a grid, or more settings for one than for another.
    """

    teams: dict[str, tuple[Rule, ...]]
    beside: tuple[Rule, ...]
    grids: dict[str, SettingsGrid]
    ahead: dict[str, Tasks]
    others: Tasks
    steps: int
    seeds: int = 10
    tuning_seeds: int = 3

    def __post_init__(self) -> None:
        if len(self.teams) != 2 or self.ahead.keys() != self.teams.keys():
            raise ValueError("a tournament needs two teams, and for each the tasks it should win")
        if missing := [rule.name for rule in self.entrants if rule.name not in self.grids]:
            raise ValueError(f"no grid for {', '.join(missing)}")
        counts = {name: _settings(grid) for name, grid in self.grids.items()}
        if len(set(counts.values())) > 1:
            told = ", ".join(f"{count} for {name}" for name, count in counts.items())
            raise ValueError(f"each optimizer needs as many settings, not {told}: equal budgets")

    @property
    def entrants(self) -> tuple[Rule, ...]:
        """All optimizers, team by team."""
        return (*(rule for team in self.teams.values() for rule in team), *self.beside)

    def team(self, name: str) -> str:
        """The team of an optimizer, or "neither"."""
        found = [team for team, rules in self.teams.items() if name in {r.name for r in rules}]
        return found[0] if found else "neither"

    def tasks(self, setting: Setting) -> list[Classification]:
        """All tasks, those with a claim first."""
        makers = [maker for tasks in self.ahead.values() for maker in tasks]
        return [maker(large=setting.large) for maker in (*makers, *self.others)]

    def protocol(self, setting: Setting) -> dict[str, str]:
        """The settings in words."""
        tasks = "; ".join(
            f"{task.name} ({task.size} parameters, batches of {task.batch})"
            for task in self.tasks(setting)
        )
        teams = "; ".join(
            f"team {name}: {', '.join(rule.name for rule in team)}"
            for name, team in self.teams.items()
        )
        beside = ", ".join(rule.name for rule in self.beside)
        budget = _settings(next(iter(self.grids.values())))
        return {
            "Tasks": f"{tasks}; {self.steps} steps each, with a rate that falls on a straight "
            "line to 0",
            "Optimizers": f"{teams}" + (f"; in neither: {beside}" if beside else ""),
            "Measured": "the test loss after the last step",
            "Settings": f"each optimizer's best on each task by the median validation loss at the "
            f"end over {self.tuning_seeds} seeds that the comparison does not use, of {budget} "
            "peak rates, or of half as many rates with two values of what else matters most to "
            "it; while the best rate is an edge, its grid is widened, by six rates at most",
            "Champions": "of each team and task the member with the lowest validation loss in "
            "tuning",
            "Seeds": f"{setting.seeds}, with equal start and equal batches in all runs",
        }

    @property
    def verdict_rule(self) -> str:
        """How the verdict is decided, in words; `decide` says the same."""
        first, second = self.teams
        return (
            f"The ratio of the champions' test losses, team {first}'s to team {second}'s, is "
            f"taken seed by seed. Team {first} is ahead on a task if the 95 % interval of the "
            f"ratio's median lies below 1, and team {second} if it lies above. Holds: on each "
            "task the team that is claimed to be ahead is ahead. Holds in part: on some, and on "
            "no task is the other one. Fails: on some task the other one is ahead. Not at this "
            "scale: neither is ahead anywhere."
        )

    def decide(self, ratios: list[tuple[str, Estimate]]) -> Verdict:
        """The verdict that follows: for each task with a claim the team named and the ratio."""
        first, second = self.teams
        ahead = [first if r.high < 1 else second if r.low > 1 else None for _, r in ratios]
        right = [found == named for found, (named, _) in zip(ahead, ratios, strict=True)]
        if all(right):
            return Verdict.HOLDS
        if any(found and not good for found, good in zip(ahead, right, strict=True)):
            return Verdict.FAILS
        return Verdict.IN_PART if any(right) else Verdict.NOT_HERE

    def run(self, setting: Setting) -> Evidence:
        """Tune and train every optimizer on every task."""
        found = xr.concat([self._on(task, setting) for task in self.tasks(setting)], "task")
        champions = {name: self._champions(found, team) for name, team in self.teams.items()}
        first, second = champions.values()
        ends = found.test_loss
        ratios = [
            ratio(*(ends.sel(task=task, optimizer=one[k]).values for one in (first, second)))
            for k, task in enumerate(found.task.values)
        ]
        named = [team for team, tasks in self.ahead.items() for _ in tasks]
        claimed = list(zip(named, ratios, strict=False))
        told = "; ".join(
            f"{task}: {first[k]} {each} times {second[k]}"
            for k, (task, each) in enumerate(zip(found.task.values, ratios, strict=True))
        )
        lead, follow = self.teams
        best = found.optimizer.values[found.validation_loss.argmin("optimizer").values]
        winners = found.test_loss.sel(optimizer=xr.DataArray(best, dims="task"))
        found = found.assign(relative=found.test_loss / winners.drop_vars("optimizer"))
        found = found.assign_coords(
            champion=("task", best),
            team=("optimizer", [self.team(name) for name in found.optimizer.values]),
        )
        return Evidence(
            verdict=self.decide(claimed),
            finding=f"Test loss of team {lead}'s champion over team {follow}'s: {told} (median "
            "and 95 % interval).",
            table=Table(
                "Test loss at the end in nats, median and 95 % interval; + the lowest validation "
                "loss in tuning, = not told apart from that one",
                ("optimizer", "team", *found.task.values),
                [self._row(found, name) for name in found.optimizer.values],
            ),
            notes=[_edges(found)] if found.edge.any() else [],
            pictures=[
                plots.svg(plots.standings(found.relative, "team", "test loss over the best's"))
            ],
            data=found,
        )

    def _on(self, task: Classification, setting: Setting) -> xr.Dataset:
        """What all optimizers end with on one task, and the settings that tuning chose."""
        schedule = partial(linear_decay, total_steps=self.steps)
        parts = []
        for rule in self.entrants:
            grids = {rule.name: self.grids[rule.name]}
            tuned, runs = compared(
                task,
                [rule],
                grids,
                self.steps,
                self.tuning_seeds,
                setting,
                schedule,
                every=self.steps,
            )
            best = tuned.best[rule.name]
            validation = last(tuned.runs[rule.name].validation_loss).sel(best)
            settings = ", ".join(f"{name} {number(value)}" for name, value in best.items())
            parts.append(
                at_end(runs)[rule.name][["test_loss"]]
                .drop_vars(["optimizer", "lr"])
                .assign(
                    validation_loss=float(np.median(validation)),
                    settings=settings,
                    lr=best["lr"],
                    edge=bool(tuned.edges),
                )
            )
        names = xr.Variable("optimizer", [rule.name for rule in self.entrants])
        return xr.concat(parts, names).assign_coords(task=task.name)

    def _champions(self, found: xr.Dataset, team: tuple[Rule, ...]) -> list[str]:
        """The member of a team with the lowest validation loss, task by task."""
        own = found.validation_loss.sel(optimizer=[rule.name for rule in team])
        return [str(name) for name in own.optimizer.values[own.argmin("optimizer").values]]

    def _row(self, found: xr.Dataset, name: str) -> list[str]:
        cells = []
        for task, best in zip(found.task.values, found.champion.values, strict=True):
            one = found.sel(task=task, optimizer=name)
            reference = found.test_loss.sel(task=task, optimizer=best).values
            apart = ratio(one.test_loss.values, reference)
            mark = "+ " if name == best else "= " if apart.low <= 1 <= apart.high else ""
            cells.append(f"{mark}{estimate(one.test_loss.values)}")
        return [name, self.team(name), *cells]


def _settings(grid: SettingsGrid) -> int:
    """Number of settings of a grid."""
    return int(np.prod([len(values) for values in grid.values()]))


def _edges(found: xr.Dataset) -> str:
    """A sentence on the rates that are best at the edge of their grid."""
    told = ", ".join(
        f"{name} on {task}"
        for task in found.task.values
        for name in found.optimizer.values
        if found.edge.sel(task=task, optimizer=name)
    )
    return f"Even after widening, the best rate is the edge of its grid for {told}."
