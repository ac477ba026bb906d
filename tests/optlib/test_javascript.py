"""The JavaScript of rules and problems, run by node, computes what NumPy computes."""

import json
import subprocess

import numpy as np
import pytest
import torch

from optlib import Problem, problem, problems, rule, sgdm, swats
from optlib.arrays import where
from optlib.faces.javascript import rule_javascript
from tests.optlib.rules import ALL, random_hyper

RUN_RULE = """
const rule = %s;
const runs = JSON.parse(require("fs").readFileSync(0, "utf8"));
const results = runs.map(({theta, state, hyper, gradients, curvature}) => {
  const path = [];
  gradients.forEach((noise, i) => {
    const g = curvature * rule.at(theta, state, hyper) + noise;
    [theta, state] = rule.step(theta, g, state, i + 1, hyper);
    path.push([theta, ...rule.slots.map((slot) => state[slot])]);
  });
  return path;
});
console.log(JSON.stringify(results));
"""


def run(node, program, data):
    done = subprocess.run(
        [node, "-e", program], input=json.dumps(data), capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


COORDINATEWISE = [r for r in ALL if not r.needs_vector]


@pytest.mark.parametrize("r", COORDINATEWISE, ids=lambda r: r.name)
def test_300_random_settings_equal_numpy(node, r):
    rng = np.random.default_rng(7)
    runs = []
    for _ in range(300):
        hyper = random_hyper(r, rng) | {"eps": 10 ** rng.uniform(-9, -1)}
        runs.append(
            {
                "theta": rng.normal(),
                "state": {slot: rng.uniform(0, 2) for slot in r.slots},
                "hyper": {n: hyper[n] for n in r.hyper},
                "gradients": (10 ** rng.uniform(-3, 3) * rng.normal(size=8)).tolist(),
                "curvature": rng.uniform(-1, 1),
            }
        )
    for one, path in zip(runs, run(node, RUN_RULE % r.javascript(), runs), strict=True):
        theta, state = one["theta"], one["state"]
        for t, (noise, computed) in enumerate(zip(one["gradients"], path, strict=True), start=1):

            def gradient(x, noise=noise, one=one):
                return one["curvature"] * x + noise

            g = gradient if r.needs_function else gradient(theta)
            theta, state = r.step(theta, g, state, t, **one["hyper"])
            expected = [theta, *state.values()]
            # Relative to the largest number in play: a sum may cancel to nearly nothing.
            scale = max(map(abs, [*expected, noise]))
            assert np.abs(np.subtract(computed, expected)).max() <= 1e-12 * scale


@pytest.mark.parametrize("r", COORDINATEWISE, ids=lambda r: r.name)
def test_the_state_begins_as_in_numpy(node, r):
    program = f"console.log(JSON.stringify(({r.javascript()}).init(2.5)))"
    assert run(node, program, []) == {n: float(v) for n, v in r.init(2.5).items()}


def test_a_step_of_the_whole_vector_is_refused():
    with pytest.raises(NotImplementedError, match="swats takes its step with the whole vector"):
        swats.javascript()


ALL_PROBLEMS = {n: p for n, p in vars(problems).items() if isinstance(p, Problem)}


@pytest.mark.parametrize("p", ALL_PROBLEMS.values(), ids=ALL_PROBLEMS)
def test_problems_equal_numpy(node, p):
    points = np.random.default_rng(1).uniform(-4, 4, size=(200, len(p.coordinates)))
    program = """
    const problem = %s;
    const points = JSON.parse(require("fs").readFileSync(0, "utf8"));
    const {settings} = problem;
    console.log(JSON.stringify(points.map(
      (x, i) => [problem.loss(x, settings, i + 1), ...problem.grad(x, settings, i + 1)])));
    """
    steps = np.arange(1, 201)
    computed = np.array(run(node, program % p.javascript(), points.tolist()))
    np.testing.assert_allclose(computed[:, 0], p.loss(points, steps), rtol=1e-12)
    np.testing.assert_allclose(computed[:, 1:], p.grad(points, steps), rtol=1e-12)


@rule
def decaying(theta, g, m, t, *, lr=0.1, gamma=0.2):
    g = g + gamma * theta
    lr = lr / t
    late = where(t > 4, m, g)
    m = m + late
    return -lr * m, m


def test_a_rule_may_redefine_what_it_was_given(node):
    program = """
    const rule = %s;
    let theta = 1, state = {m: 0};
    for (let t = 1; t <= 8; t++)
      [theta, state] = rule.step(theta, theta, state, t, {lr: 0.1, gamma: 0.2});
    console.log(JSON.stringify(theta));
    """
    theta, state = 1.0, decaying.init(1.0)
    theta_torch, state_torch = torch.tensor(1.0, dtype=torch.float64), {"m": torch.tensor(0.0)}
    for t in range(1, 9):
        theta, state = decaying.step(theta, theta, state, t)
        theta_torch, state_torch = decaying.step(theta_torch, theta_torch, state_torch, t)
    assert run(node, program % decaying.javascript(), []) == pytest.approx(theta, rel=1e-12)
    assert theta_torch.item() == pytest.approx(theta, rel=1e-6)


@rule
def structural(g, m, t, *, lr=0.1):
    m = where(t == 1, g, m + g)
    return -lr * m, m


@rule
def foreign(g, *, lr=0.1):
    return -lr * np.sqrt(g)


@rule
def reserved(g, new, *, lr=0.1):
    return -lr * g, new


@pytest.mark.parametrize(
    ("r", "error", "advice"),
    [
        (structural, TypeError, "compare by <"),
        (foreign, TypeError, r"from optlib\.arrays"),
        (reserved, ValueError, "JavaScript keeps the name new"),
    ],
    ids=["structural", "foreign", "reserved"],
)
def test_what_cannot_be_written_says_why(r, error, advice):
    with pytest.raises(error, match=advice):
        r.javascript()


def test_a_problem_with_such_a_name_says_so_too():
    @problem(0.0)
    def keyed(x, *, delete=1.0):
        return delete * x**2

    with pytest.raises(ValueError, match="keyed: JavaScript keeps the name delete"):
        keyed.javascript()


@rule
def greedy(grad, theta, *, lr=0.1):
    return -lr * (grad(theta) + grad(theta + 1))


def test_two_gradients_a_step_are_refused():
    with pytest.raises(NotImplementedError, match="greedy takes more than one gradient"):
        rule_javascript(greedy)


def test_it_reads_like_the_rule():
    assert "m = g*lr + m*momentum;" in sgdm.javascript()
