"""What the benchmarks compare is the same training; how long it takes is not asserted."""

from dataclasses import replace

import pytest
import torch

from benchmarks.sweeps import OPTIMIZERS, RUNS, one_after_another, together
from optlab.tasks import digits_mlp, one_thread
from optlab.tasks.networks import MLP


@pytest.mark.parametrize(("rule", "make"), OPTIMIZERS, ids=lambda value: getattr(value, "name", ""))
def test_a_sweep_trains_what_a_loop_trains(rule, make) -> None:
    task = replace(digits_mlp(), network=MLP(64, (16,), 10), batch=32)
    rates = torch.logspace(-3, -2, RUNS, dtype=task.dtype)
    with one_thread():
        expected = one_after_another(task, make, rates, steps=5)
    found = together(task, rule, rates, steps=5, compiled=False)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    assert not torch.allclose(expected[0], expected[1])
