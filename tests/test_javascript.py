"""The JavaScript of rules and problems, run by node, computes what NumPy computes."""

import json
import subprocess

import numpy as np
import pytest

from optlib import RULES, Problem, problems, rule, sgdm
from optlib.faces.javascript import rule_javascript

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


@pytest.mark.parametrize("r", RULES.values(), ids=RULES)
def test_300_random_settings_equal_numpy(node, r):
    rng = np.random.default_rng(7)
    runs = []
    for _ in range(300):
        hyper = {n: rng.uniform(0, 0.999) for n in r.hyper} | {"eps": 10 ** rng.uniform(-9, -1)}
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


ALL_PROBLEMS = {n: p for n, p in vars(problems).items() if isinstance(p, Problem)}


@pytest.mark.parametrize("p", ALL_PROBLEMS.values(), ids=ALL_PROBLEMS)
def test_problems_equal_numpy(node, p):
    points = np.random.default_rng(1).uniform(-4, 4, size=(200, len(p.coordinates)))
    program = """
    const problem = %s;
    const points = JSON.parse(require("fs").readFileSync(0, "utf8"));
    const {settings} = problem;
    console.log(JSON.stringify(
      points.map((x) => [problem.loss(x, settings), ...problem.grad(x, settings)])));
    """
    computed = np.array(run(node, program % p.javascript(), points.tolist()))
    np.testing.assert_allclose(computed[:, 0], p.loss(points), rtol=1e-12)
    np.testing.assert_allclose(computed[:, 1:], p.grad(points), rtol=1e-12)


@rule
def greedy(grad, theta, *, lr=0.1):
    return -lr * (grad(theta) + grad(theta + 1))


def test_two_gradients_a_step_are_refused():
    with pytest.raises(NotImplementedError, match="greedy takes more than one gradient"):
        rule_javascript(greedy)


def test_it_reads_like_the_rule():
    assert "m = g*lr + m*momentum;" in sgdm.javascript()
