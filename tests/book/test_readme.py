"""What the README shows runs."""

import re
from dataclasses import fields
from pathlib import Path

import pytest
import torch

import optlib.torch
from exercises import catalogue
from exercises.exercise import PROBES
from exercises.grading.settings import Settings
from optlib.torch import RuleOptimizer

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
RULE, SCRIPT, SWEEP = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
CLASSES = [n for n, c in vars(optlib.torch).items() if RuleOptimizer in getattr(c, "__bases__", ())]


@pytest.mark.parametrize("name", CLASSES)
def test_the_training_script_learns_with_any_class(name, capsys):
    torch.manual_seed(0)
    exec(SCRIPT.replace("import AdamW as", f"import {name} as"), {})
    accuracy = float(capsys.readouterr().out)
    # A guess is right one time in ten. SGD and the adaptive rules with a long memory are slow here.
    assert accuracy > 0.6


def test_the_training_script_has_ten_lines_and_names_every_class():
    code = [
        line for line in SCRIPT.splitlines() if line and not line.startswith(("import", "from"))
    ]
    assert len(code) <= 10
    assert all(f"`{name}`" in README for name in CLASSES)


def test_the_sweep_prints_a_table_and_draws_the_rates(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPTLIB_RESULTS", str(tmp_path / "results"))
    exec(SWEEP.replace("steps=200", "steps=20"), {})
    out = capsys.readouterr().out
    assert "sgdm" in out and "0.010" in out
    assert (tmp_path / "rates.png").stat().st_size > 5000


def test_the_rule_shown_is_the_one_that_runs():
    assert optlib.nag.source == RULE


def test_the_instructors_page_has_every_limit_as_it_is():
    page = (Path(__file__).parents[2] / "chapters/teach.md").read_text("utf-8")
    for each in fields(Settings):
        option = each.name.replace("_", "-")
        assert f"| `--{option}` | {each.default:g} | {each.metadata['help']} |" in page
    assert page.count("| `--") == len(fields(Settings))


def test_the_numbers_of_the_exercises_are_as_they_are():
    page = (Path(__file__).parents[2] / "chapters/teach.md").read_text("utf-8")
    assert "More than fifty graded exercises" in README and len(catalogue()) > 50
    assert f"agree on {PROBES} random inputs" in page
