"""How much faster is a population than one torch.optim loop after another?

Trains 64 small networks on the digits, 64 inputs, 16 hidden units and 10 classes with mini-batches
of 32, each with its own seed and learning rate: first one after another, as a plain PyTorch loop
does it, then as a sweep does it, from the same weights on the same mini-batches. Prints runs per
second and their ratio, and how far the trained weights are apart.

    python -m benchmarks.sweeps            float32 and float64, SGDM and Adam
    python -m benchmarks.sweeps --steps 1000
"""

import argparse
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor, nn

from optlab.sweeps import MAX_RUNS, MAX_RUNS_COMPILED
from optlab.tasks import Classification, digits_mlp, one_thread
from optlab.tasks.networks import MLP
from optlib import adam, sgdm
from optlib.faces.population import population
from optlib.rule import Rule

RUNS = 64
OPTIMIZERS: list[tuple[Rule, Callable[..., torch.optim.Optimizer]]] = [
    (sgdm, partial(torch.optim.SGD, momentum=0.9)),
    (adam, torch.optim.Adam),
]


def one_after_another(
    task: Classification, make: Callable[..., torch.optim.Optimizer], rates: Tensor, steps: int
) -> Tensor:
    """The trained weights of each run, (runs, size), by a loop as every tutorial has it."""
    trained = []
    for seed, rate in enumerate(rates.tolist()):
        weights = {name: w.shape for name, w in task.network.weights.items()}
        parts = task.start(seed).split([torch.Size(shape).numel() for shape in weights.values()])
        w1, b1, w2, b2 = (
            part.view(shape) for part, shape in zip(parts, weights.values(), strict=True)
        )
        hidden, out = (nn.Linear(w.shape[0], w.shape[1], dtype=task.dtype) for w in (w1, w2))
        with torch.no_grad():
            for layer, weight, bias in ((hidden, w1, b1), (out, w2, b2)):
                layer.weight.copy_(weight.T)
                layer.bias.copy_(bias)
        model = nn.Sequential(hidden, nn.ReLU(), out)
        optimizer = make(model.parameters(), lr=rate)
        for rows in torch.from_numpy(task.batches(seed, steps)):
            optimizer.zero_grad()
            inputs, targets = task.train[0][rows], task.train[1][rows]
            nn.functional.cross_entropy(model(inputs), targets).backward()
            optimizer.step()
        ends = (hidden.weight.T, hidden.bias, out.weight.T, out.bias)
        trained.append(torch.cat([end.detach().flatten() for end in ends]))
    return torch.stack(trained)


def together(task: Classification, rule: Rule, rates: Tensor, steps: int, compiled: bool) -> Tensor:
    """The same by populations, in chunks as a sweep has them."""
    order = torch.stack([torch.from_numpy(task.batches(s, steps)) for s in range(RUNS)], dim=1)
    starts = torch.stack([task.start(seed) for seed in range(RUNS)])

    most = MAX_RUNS_COMPILED if compiled else MAX_RUNS

    def chunk(first: int) -> Tensor:
        some = slice(first, first + most)
        batches = (task.arguments(rows) for rows in order[:, some])
        visited = population(
            rule, task.loss, starts[some], batches, compiled=compiled, lr=rates[some]
        )
        *_, end = visited
        return end

    firsts = range(0, RUNS, most)
    if compiled:
        return torch.cat([chunk(first) for first in firsts])
    with one_thread() as threads, ThreadPoolExecutor(threads) as pool:
        return torch.cat(list(pool.map(chunk, firsts)))


def timed(run: Callable[[], Tensor], repeats: int) -> tuple[float, Tensor]:
    """The best of some times, in seconds, and the result."""
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        result = run()
        times.append(time.perf_counter() - began)
    return min(times), result


def compare(
    task: Classification,
    rule: Rule,
    make: Callable[..., torch.optim.Optimizer],
    steps: int,
    repeats: int,
) -> str:
    """A row of the table. Raises AssertionError if the results are not the same."""
    rates = torch.logspace(-3, -2, RUNS, dtype=task.dtype)
    # One thread: the loop's matrices are too small for more.
    with one_thread():
        loop, expected = timed(lambda: one_after_another(task, make, rates, steps), repeats)
    eager, found = timed(lambda: together(task, rule, rates, steps, False), repeats)
    first, _ = timed(lambda: together(task, rule, rates, steps, True), 1)
    fast, compiled = timed(lambda: together(task, rule, rates, steps, True), repeats)
    apart = max((end - expected).abs().max().item() for end in (found, compiled))
    # Rounding grows over the steps: of float32's seven digits it leaves three.
    most = 5e-3 if task.dtype == torch.float32 else 1e-9
    torch.testing.assert_close(found, expected, rtol=0, atol=most)
    torch.testing.assert_close(compiled, expected, rtol=0, atol=most)
    dtype = str(task.dtype).removeprefix("torch.")
    return (
        f"{rule.name:5} {dtype:8} {RUNS / loop:10.1f} {RUNS / eager:8.1f} {loop / eager:6.1f}"
        f" {RUNS / fast:9.1f} {loop / fast:6.1f} {first:9.1f} s {apart:8.1g}"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=200, help="of each run (default: 200)")
    parser.add_argument("--repeats", type=int, default=3, help="the best counts (default: 3)")
    given = parser.parse_args()
    print(f"{RUNS} runs of {given.steps} steps, {torch.get_num_threads()} threads; runs per second")
    heads = "one by one    sweep  ratio  compiled  ratio  first call    apart"
    print(f"{'':14} {heads}")
    for dtype in (torch.float32, torch.float64):
        task = replace(digits_mlp().to(dtype=dtype), network=MLP(64, (16,), 10), batch=32)
        for rule, make in OPTIMIZERS:
            print(compare(task, rule, make, given.steps, given.repeats), flush=True)


if __name__ == "__main__":
    main()
