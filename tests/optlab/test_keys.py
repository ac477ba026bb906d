"""Keys: a changed rule or task never meets old results, and an unchanged one meets its own."""

import functools
import importlib
import os
import subprocess
import sys
import textwrap
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from optlab import keys, store, train
from optlab.keys import ingredients, key
from optlab.sweeps import sweep
from optlab.tasks import (
    Task,
    digits_cnn,
    digits_mlp,
    digits_softmax,
    noisy_quadratic,
    rare_features,
    reddi_stochastic,
    topics_transformer,
    wilson,
)
from optlab.train import Chunk
from optlib import RULES, l2, lookahead, rule, sgd
from optlib.schedules import SCHEDULES, one_cycle_momentum, sgdr, warmup

TASKS = [
    digits_cnn,
    digits_mlp,
    digits_softmax,
    noisy_quadratic,
    rare_features,
    reddi_stochastic,
    topics_transformer,
    wilson,
]


def exact(*values) -> str:
    return ingredients(*values).exact


def stated(*values) -> str:
    return ingredients(*values).stated


def test_parts_do_not_run_together() -> None:
    parts = [("ab", "c"), ("a", "bc"), ("abc",), (b"abc",), (1, 2), (12,), (1.0, 2)]
    assert len({key(*part) for part in parts}) == len(parts)
    assert key("a", 0.1) == key("a", 0.1)


class TestChanges:
    """What a rule refers to."""

    def test_constants_count_down_to_the_last_helper_and_digit(self) -> None:
        long = np.linspace(0, 1, 5000)
        other = np.where(np.arange(5000) == 2500, 0, long)
        constants = [2, 2.0, "2", (2, 3), [2, 3], long, other, long.astype(np.float32), None]
        constants += [torch.tensor(0.1234567, dtype=torch.float64), np.float64(3), len, min]
        constants += [torch.tensor(0.1234568, dtype=torch.float64), np, torch, torch.relu, sgd]
        constants += [made_with(1), made_with(2), Task, lambda: 1, lambda: 2, {"a": 1}, {"a": 2}]
        constants += [{1, 2}, {1, 3}, Plain(1), Plain(2), {"f": made_with(1)}, {"f": made_with(3)}]
        constants += [partial(helper, 1), partial(helper, 2), lambda x: x + 1, lambda x: x - 1]
        found = [exact(made_with(constant)) for constant in constants]
        assert len(set(found)) == len(constants)
        assert found == [exact(made_with(constant)) for constant in constants]
        assert len({stated(made_with(constant)) for constant in constants}) == len(constants)

    def test_defaults_count(self) -> None:
        assert exact(made_with(1, rate=0.1)) == exact(made_with(1, rate=0.1))
        assert exact(made_with(1, rate=0.1)) != exact(made_with(1, rate=0.2))

    def test_two_helpers_with_one_text_are_two(self) -> None:
        def both(one, two):
            first, second = made_with(one), made_with(two)
            return lambda g: first(g) + second(g)

        assert exact(both(1, 2)) == exact(both(1, 2))
        assert exact(both(1, 2)) != exact(both(1, 3))

    def test_which_of_two_helpers_is_meant_counts(self) -> None:
        one, two = made_with(1), made_with(2)

        def three(a, b, c):
            return lambda g: a(g) + b(g) + c(g)

        assert exact(three(one, two, one)) != exact(three(one, two, two))
        mixed = [Setting(*map(Plain, x)) for x in [(1, 2, 1), (1, 2, 2)]]
        assert exact(mixed[0]) != exact(mixed[1])
        kinds = [(torch.float32, torch.float64, last) for last in (torch.float32, torch.float64)]
        assert exact(Setting(*kinds[0])) != exact(Setting(*kinds[1]))

    def test_what_a_class_holds_counts(self) -> None:
        def classes(**held):
            return type("Held", (), {"value": 1, "_hidden": 2, "array": torch.zeros(2), **held})()

        first = exact(classes())
        assert exact(classes()) == first
        for change in ({"value": 2}, {"_hidden": 3}, {"array": torch.ones(2)}):
            assert exact(classes(**change)) != first

    def test_the_setting_of_a_task_counts(self) -> None:
        task = digits_mlp()
        changes = [
            {"batch": 32},
            {"l2": 0.1},
            {"l2": np.float64(0.2)},
            {"shuffle": False},
            {"dtype": torch.float32},
            {"measured": 10},
            {"network": digits_mlp("batch").network},
        ]
        changed = [replace(task, **change) for change in changes]
        assert len({stated(one) for one in (task, *changed)}) == len(changes) + 1

    def test_the_numbers_of_a_task_count_but_are_not_stated(self) -> None:
        task = digits_mlp()
        inputs, targets = task.train
        other = inputs.clone()
        other[3, 4] += 1e-12
        assert exact(replace(task, train=(inputs.clone(), targets))) == exact(task)
        assert exact(replace(task, train=(other, targets))) != exact(task)
        assert stated(replace(task, train=(other, targets))) == stated(task)

    def test_the_setting_of_a_schedule_counts(self) -> None:
        schedules = [warmup, partial(warmup, warmup=4), partial(warmup, warmup=5), sgdr]
        assert len({stated(one) for one in schedules}) == len(schedules)

    def test_versions_count_but_are_not_stated(self, monkeypatch) -> None:
        chunk = Chunk(digits_softmax(), sgd, {"lr": (0.1,)}, (0,), 1, 1)  # sgd names no library
        before = chunk.ingredients()
        for library in (torch, np):
            with monkeypatch.context() as patch:
                patch.setattr(library, "__version__", "0.0")
                after = chunk.ingredients()
            assert after.exact != before.exact
            assert after.stated == before.stated
        assert replace(chunk, compiled=True).ingredients().exact != before.exact
        assert replace(chunk, device="cuda").ingredients().exact != before.exact

    def test_the_engine_counts_by_its_number_and_in_the_store_by_its_text(
        self, monkeypatch
    ) -> None:
        chunk = Chunk(digits_softmax(), sgd, {"lr": (0.1,)}, (0,), 1, 1)
        before = chunk.ingredients()
        with monkeypatch.context() as patch:
            patch.setattr(train, "ENGINE", train.ENGINE + 1)
            assert chunk.ingredients().stated != before.stated
        monkeypatch.setattr(train, "_gradient_statistics", lambda g: {})
        train._engine.cache_clear()
        edited = chunk.ingredients()
        monkeypatch.undo()
        train._engine.cache_clear()
        assert edited.stated == before.stated and edited.exact != before.exact
        assert chunk.ingredients().exact == before.exact

    @pytest.mark.parametrize(
        "change",
        [
            {"hyper": {"lr": (0.2,)}},
            {"seeds": (1,)},
            {"steps": 4},
            {"every": 2},
            {"gradients": True},
            {"schedule": warmup},
            {"momentum": one_cycle_momentum},
            {"rule": RULES["sgdm"]},
        ],
        ids=lambda change: next(iter(change)),
    )
    def test_the_plan_counts(self, change) -> None:
        chunk = Chunk(digits_softmax(), sgd, {"lr": (0.1,)}, (0,), 3, 1)
        assert replace(chunk, **change).ingredients().stated != chunk.ingredients().stated


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Writes a module and imports it: anew unless `reload` is False."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(text, name="my_rules", reload=True):
        path = tmp_path / f"{name}.py"
        path.write_text(textwrap.dedent(text))
        # Two edits within a second and of one length are told apart too.
        stamp = 10**9 + len(list(tmp_path.iterdir())) + write.edits
        write.edits += 1
        os.utime(path, (stamp, stamp))
        if reload:
            sys.modules.pop(name, None)
            importlib.invalidate_caches()
        return importlib.import_module(name)

    write.edits = 0
    yield write
    for name in ("my_rules", "my_helpers", "my_others"):
        sys.modules.pop(name, None)


RULE = """
    from optlib import rule
    {above}
    def helper(x):
        return {factor} * x

    @rule
    def mine(g, *, lr=0.1):
        return -lr * helper(g)
"""


class TestText:
    def test_comments_docstrings_and_layout_do_not_count(self, module) -> None:
        plain = stated(module(RULE.format(above="", factor="2")).mine)
        other = '''
            """A module."""
            from optlib import rule

            def unused():
                return 7


            def helper(
                x,  # the gradient
            ):
                """Twice as much."""
                # Not three times.
                return (
                    2
                    * x
                )

            @rule
            def mine(g, *, lr=0.1):
                """My rule."""
                return (-lr *
                        helper(g))
        '''
        assert stated(module(other).mine) == plain

    def test_where_a_file_lies_does_not_count(self, module) -> None:
        placed = """
            from pathlib import Path
            def f(x):
                return x * len(Path(__file__).with_name("data.txt").read_text()), __name__
        """
        here, there = module(placed).f, module(placed, "my_others").f
        assert here.__globals__["__file__"] != there.__globals__["__file__"]
        assert stated(here) == stated(there)

    @pytest.mark.parametrize("kind", ["str", ""])
    def test_nor_where_a_file_lies_that_a_constant_names(self, module, kind) -> None:
        placed = """
            from pathlib import Path
            PLACE = {}(Path(__file__).with_name("{}"))
            def f(x):
                return x * len(PLACE)
        """
        text = placed.format(kind, "a.txt")
        here = module(text).f
        elsewhere = module(text.replace("Path(__file__)", 'Path("/elsewhere/b.py")'), "moved").f
        assert here.__globals__["PLACE"] != elsewhere.__globals__["PLACE"]
        assert stated(here) == stated(elsewhere)
        assert stated(here) != stated(module(placed.format(kind, "b.txt"), "renamed").f)

    def test_an_edit_of_a_helper_counts(self, module) -> None:
        before = ingredients(module(RULE.format(above="", factor="2")).mine)
        after = ingredients(module(RULE.format(above="", factor="3")).mine)
        assert before.stated != after.stated and before.exact != after.exact

    def test_an_edit_of_a_module_that_the_rule_names_counts(self, module) -> None:
        others = "def g(x):\n    return {} * x\n"
        module(others.format(1), "my_others")
        helpers = """
            import my_others
            SCALE = 2
            def f(x):
                return SCALE * my_others.g(x)
        """
        module(helpers, "my_helpers")
        text = """
            import my_helpers
            from optlib import rule
            @rule
            def mine(g, *, lr=0.1):
                return -lr * my_helpers.f(g)
        """
        before = exact(module(text).mine)
        module(others.format(2), "my_others")
        module(helpers, "my_helpers")
        deep = exact(module(text).mine)
        assert deep != before
        sys.modules["my_helpers"].SCALE = 3
        assert exact(module(text).mine) not in (before, deep)

    @pytest.mark.parametrize("named", ["helper", "my_helpers.helper"])
    def test_a_file_edited_meanwhile(self, module, named) -> None:
        helpers = "def helper(x):\n    return {} * x\n"
        imported = "from my_helpers import helper" if named == "helper" else "import my_helpers"
        text = f"""
            from optlib import rule
            {imported}
            @rule
            def mine(g, *, lr=0.1):
                return -lr * {named}(g)
        """
        module(helpers.format(2), "my_helpers")
        mine = module(text).mine
        module(helpers.format(3), "my_helpers", reload=False)  # on disk only
        stale = exact(mine)
        module(helpers.format(3), "my_helpers")
        assert exact(module(text).mine) != stale, "what was compiled counts"

    def test_what_was_read_before_a_file_was_edited_is_what_still_runs(self, module) -> None:
        mine = module(RULE.format(above="", factor="2")).mine
        before = exact(mine)
        module(RULE.format(above="", factor="3"), reload=False)
        assert exact(mine) == before

    @pytest.mark.parametrize("text", ["", "def (", "@rule\ndef mine(g, *,"])
    def test_a_file_that_no_longer_has_the_rule(self, module, text) -> None:
        mine = module(RULE.format(above="", factor="5")).mine
        module(text, reload=False)
        without = exact(mine)
        assert exact(module(RULE.format(above="", factor="5.0")).mine) != without

    def test_names_of_functions_classes_and_constants_do_not_count(self, module) -> None:
        text = """
            from optlib import rule
            {constant} = 2
            class {kind}:
                def times(self, x{annotation}):
                    if x is None:
                        raise ValueError("{message}")
                    return {constant} * x
            def {helper}(x, y):
                return {kind}().times(x) - y
            @rule
            def {name}(g, *, lr=0.1):
                return -lr * {helper}(g, {constant})
        """
        plain = {"constant": "TWO", "kind": "Kind", "helper": "helper", "name": "mine"}
        plain |= {"annotation": "", "message": "no"}
        first = stated(module(text.format(**plain)).mine)
        changed = {name: f"other_{name}" for name in plain} | {"annotation": ": float"}
        assert stated(module(text.format(**changed)).other_name) == first
        swapped = text.replace("times(x) - y", "times(y) - x")
        assert stated(module(swapped.format(**plain)).mine) != first

    def test_a_name_that_is_local_elsewhere_is_not_taken_for_another(self, module) -> None:
        text = """
            from optlib import rule
            {name} = 2
            def helper(g):
                return {name} * (lambda x: {inner})(g)
            @rule
            def mine(g, *, lr=0.1):
                return -lr * helper(g)
        """
        found = [
            stated(module(text.format(name=name, inner=inner)).mine)
            for name, inner in (("x", "x"), ("z", "z"), ("z", "x"))
        ]
        assert found[1] not in (found[0], found[2])

    def test_without_text_the_compiled_code_counts(self) -> None:
        def made(factor):
            scope: dict[str, Any] = {}
            exec(f"def f(x):\n    return {factor} * x\n", scope)
            return scope["f"]

        assert stated(made(2)) == stated(made(2))
        assert stated(made(2)) != stated(made(3))


SCRIPT = """
import tests.optlab.test_keys as t
print(*t.everything(), sep="\\n")
"""


def everything() -> list[str]:
    """Keys of all rules, schedules and tasks, and of what has no order or is at an address."""
    wrapped = [l2(RULES["adam"]), lookahead(RULES["sgd"])]
    values = [*RULES.values(), *wrapped, *SCHEDULES.values(), *(task() for task in TASKS)]
    values += [choice, made_with({"one", "two", "three"}), made_with(SENTINEL), nested]
    values += [made_with(Plain(1)), made_with(np.random.default_rng(0))]
    return [ingredients(value).exact for value in values]


def test_the_keys_are_the_same_in_another_process() -> None:
    environment = {**os.environ, "PYTHONHASHSEED": "12345"}
    command = [sys.executable, "-c", SCRIPT]
    found = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert found.stdout.split() == everything()


@pytest.mark.parametrize("value", [*RULES.values(), *SCHEDULES.values(), *TASKS])
def test_no_key_holds_an_address(value) -> None:
    found = ingredients(value() if value in TASKS else value)
    assert " at 0x" not in repr((found.definition, found.data, found.machine))


def test_a_constant_changed_in_this_process(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("OPTLIB_RESULTS", str(tmp_path))
    plan: dict[str, Any] = {"lr": 0.1, "seeds": [0], "steps": 2}
    losses = [sweep(digits_softmax(), shared, **plan).train_loss]
    monkeypatch.setattr(sys.modules[__name__], "SHARE", 0.25)
    losses.append(sweep(digits_softmax(), shared, **plan).train_loss)
    monkeypatch.setattr(sys.modules[__name__], "part", lambda x: SHARE / 2 * x)
    losses.append(sweep(digits_softmax(), shared, **plan).train_loss)
    last = [float(loss[..., -1].squeeze()) for loss in losses]
    assert last[0] < last[1] < last[2]
    monkeypatch.undo()
    monkeypatch.setenv("OPTLIB_RESULTS", str(tmp_path))
    again = sweep(digits_softmax(), shared, **plan)
    assert again.train_loss.equals(losses[0])
    assert len(list(store.folder().iterdir())) == 3


SHARE = 0.5
SENTINEL = object()


def part(x):
    return SHARE * x


@rule
def shared(g, *, lr=0.1):
    return -lr * part(g)


class Plain:
    """Without a repr of its own."""

    def __init__(self, value):
        self.value = value


@dataclass(frozen=True)
class Setting:
    a: Any
    b: Any
    c: Any
    kind: ClassVar[str] = "setting"


def helper(factor, x):
    return factor * x


def choice(x):
    return x if x in {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"} else None


def made_with(constant, rate=1e-3):
    """A rule whose text is always the same, but not what it refers to."""

    @functools.cache
    def cached():
        return constant

    def inner(x):
        return (lambda: x * cached())()

    def helper(x):
        return inner(x) if x is not None else helper(0)

    @rule
    def made(g, *, lr=rate):
        return -lr * helper(g)

    return made


nested = made_with(lambda x: (lambda y: y + 1)(x))


def test_a_function_counts_the_names_it_uses_and_no_attribute() -> None:
    def mean(x):
        return x.SHARE

    assert "SHARE" not in repr(keys.ingredients(mean).definition[1:])
