"""Where to read: the sections of the book that a message can send a student to."""

from typing import NamedTuple


class Section(NamedTuple):
    """A section of a chapter: the chapter's file and title, and the section's title."""

    page: str
    chapter: str
    title: str


SECTIONS: dict[str, Section] = {
    "sec-problem": Section("problem_and_sgd", "The problem and SGD", "What is minimized"),
    "sec-sgd-rule": Section("problem_and_sgd", "The problem and SGD", "The rule"),
    "sec-sgd-dialects": Section("problem_and_sgd", "The problem and SGD", "Dialects and pitfalls"),
    "sec-why-momentum": Section("momentum", "Momentum", "The idea"),
    "sec-sgdm-rule": Section("momentum", "Momentum", "The rule"),
    "sec-momentum-dialects": Section("momentum", "Momentum", "Dialects and pitfalls"),
    "sec-nag-lookahead": Section("nesterov", "Nesterov's look into the future", "The idea"),
    "sec-change-of-variables": Section(
        "nesterov", "Nesterov's look into the future", "The change of variables"
    ),
    "sec-adagrad-idea": Section("adagrad", "Adagrad", "The idea"),
    "sec-adagrad-rule": Section("adagrad", "Adagrad", "The rule"),
    "sec-adagrad-break": Section("adagrad", "Adagrad", "What the sum never forgets"),
    "sec-adagrad-dialects": Section("adagrad", "Adagrad", "Dialects and pitfalls"),
    "sec-rmsprop-average": Section("rmsprop", "RMSProp", "An average that forgets"),
    "sec-rmsprop-rule": Section("rmsprop", "RMSProp", "The rule"),
    "sec-rmsprop-dialects": Section("rmsprop", "RMSProp", "Dialects and pitfalls"),
    "sec-adam-averages": Section("adam", "Adam", "Two averages"),
    "sec-bias-correction": Section("adam", "Adam", "The bias, and its correction"),
    "sec-adam-eps": Section("adam", "Adam", "The place of ε"),
    "sec-adam-rule": Section("adam", "Adam", "The rule"),
    "sec-adam-dialects": Section("adam", "Adam", "Dialects and pitfalls"),
    "sec-memory-arithmetic": Section("memory", "The memory of Adam", "One number at a time"),
    "sec-amsgrad-theorem": Section("amsgrad", "AMSGrad", "A case that can be solved"),
    "sec-amsgrad-rule": Section("amsgrad", "AMSGrad", "The rule"),
    "sec-amsgrad-dialects": Section("amsgrad", "AMSGrad", "Dialects and pitfalls"),
    "sec-adabound-bounds": Section("adabound", "AdaBound", "Two bounds that close"),
    "sec-adabound-rule": Section("adabound", "AdaBound", "The rule"),
    "sec-adabound-dialects": Section("adabound", "AdaBound", "Dialects and pitfalls"),
    "sec-separable": Section("adam_and_sgdm", "Adam against SGDM", "A case that can be solved"),
    "sec-signs": Section("adam_and_sgdm", "Adam against SGDM", "What Adam makes of it"),
    "sec-equal-loss": Section("adam_and_sgdm", "Adam against SGDM", "Pitfall: the unfair race"),
    "sec-swats-rate": Section("swats", "SWATS", "Which rate would SGD need?"),
    "sec-swats-switch": Section("swats", "SWATS", "When to switch"),
    "sec-swats-dialects": Section("swats", "SWATS", "Dialects and pitfalls"),
    "sec-radam-rate": Section("radam", "RAdam", "How far a young rate scatters"),
    "sec-radam-length": Section("radam", "RAdam", "How long is a moving average?"),
    "sec-radam-rectifier": Section("radam", "RAdam", "The rectifier"),
    "sec-radam-rule": Section("radam", "RAdam", "The rule"),
    "sec-radam-swats": Section("radam", "RAdam", "RAdam against SWATS"),
    "sec-radam-dialects": Section("radam", "RAdam", "Dialects and pitfalls"),
    "sec-lookahead-rule": Section("lookahead", "Lookahead", "The rule"),
    "sec-lookahead-variance": Section("lookahead", "Lookahead", "The noisy parabola, solved"),
    "sec-lookahead-dialects": Section("lookahead", "Lookahead", "Dialects and pitfalls"),
    "sec-range-test": Section("range_test", "The learning-rate range test", "The test"),
    "sec-range-reading": Section("range_test", "The learning-rate range test", "Reading the curve"),
    "sec-range-dialects": Section(
        "range_test", "The learning-rate range test", "Dialects and pitfalls"
    ),
    "sec-triangle": Section("cycles", "Cycles and restarts", "The triangle"),
    "sec-cycles-bounds": Section("cycles", "Cycles and restarts", "Bounds and length of a cycle"),
    "sec-restarts": Section("cycles", "Cycles and restarts", "The cosine and its restarts"),
    "sec-restart-index": Section("cycles", "Cycles and restarts", "Which cycle is it?"),
    "sec-cycles-dialects": Section("cycles", "Cycles and restarts", "Dialects and pitfalls"),
    "sec-one-cycle": Section("one_cycle", "One cycle", "One cycle"),
    "sec-per-batch": Section("one_cycle", "One cycle", "Per batch, not per epoch"),
    "sec-one-cycle-dialects": Section("one_cycle", "One cycle", "Dialects and pitfalls"),
    "sec-warmup-sum": Section("warmup", "Warm-up", "What small early rates do"),
    "sec-warmup-schedule": Section("warmup", "Warm-up", "The schedule"),
    "sec-warmup-dialects": Section("warmup", "Warm-up", "Dialects and pitfalls"),
    "sec-nadam-substitution": Section("nadam", "Nadam", "The substitution inside Adam"),
    "sec-nadam-weights": Section("nadam", "Nadam", "What the step is made of"),
    "sec-nadam-rule": Section("nadam", "Nadam", "The rule"),
    "sec-nadam-schedule": Section("nadam", "Nadam", "The momentum schedule of the libraries"),
    "sec-nadam-dialects": Section("nadam", "Nadam", "Dialects and pitfalls"),
    "sec-norm-axes": Section("normalization", "Normalization", "Three ways to average"),
    "sec-norm-forward": Section("normalization", "Normalization", "The way forward"),
    "sec-norm-backward": Section("normalization", "Normalization", "The way back"),
    "sec-norm-running": Section("normalization", "Normalization", "Running statistics"),
    "sec-norm-dialects": Section("normalization", "Normalization", "Dialects and pitfalls"),
    "sec-decay-sgd": Section("weight_decay", "Weight decay", "Two names, one step"),
    "sec-decay-adam": Section("weight_decay", "Weight decay", "Inside Adam they part"),
    "sec-decay-rate": Section("weight_decay", "Weight decay", "What multiplies the decay"),
    "sec-decay-rule": Section("weight_decay", "Weight decay", "The rules"),
    "sec-reshuffling": Section("what_else", "What else helps", "Shuffling"),
    "sec-dropout": Section("what_else", "What else helps", "Dropout"),
    "sec-gradient-noise": Section("what_else", "What else helps", "Gradient noise"),
    "sec-what-else-dialects": Section("what_else", "What else helps", "Dialects and pitfalls"),
    "sec-fair": Section("which_optimizer", "Which optimizer when", "A fair comparison"),
}
"""By the label that stands before the section's heading; a test holds this against the chapters."""


def where(label: str) -> str:
    """A line that says where to read: `Momentum, “The rule” (momentum.ipynb#sec-sgdm-rule)`."""
    page, chapter, title = SECTIONS[label]
    return f"{chapter}, “{title}” ({page}.ipynb#{label})"


def link(label: str) -> str:
    """The same as MyST markdown for a page in `chapters/exercises`."""
    page, chapter, title = SECTIONS[label]
    return f"[{chapter}](../{page}.ipynb), section [{title}](#{label})"
