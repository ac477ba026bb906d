"""The family tree: each optimizer as a change to its parent, in words.

`rule.box(parent)` shows the same change in code and equations.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Member:
    """An optimizer in the family, or a wrapper, which goes around any optimizer.

    Attributes
    ----------
    name : str
        Its name in `optlib`.
    title : str
        How texts call it.
    change : str
        What it does otherwise than its first parent.
    parents : tuple of str
        Names of those it comes from, the nearest first.
    """

    name: str
    title: str
    change: str
    parents: tuple[str, ...] = ()


FAMILY = {
    member.name: member
    for member in (
        Member("sgd", "SGD", "a step against the gradient of a mini-batch"),
        Member("sgdm", "SGDM", "steps add up, and fade", ("sgd",)),
        Member(
            "nag_lookahead",
            "NAG",
            "the gradient is taken where momentum is about to arrive",
            ("sgdm",),
        ),
        Member(
            "nag",
            "NAG, shifted",
            "the same in other parameters: the step has the new momentum in it and the gradient",
            ("sgdm", "nag_lookahead"),
        ),
        Member("sgdw", "SGDW", "the weights decay beside the step", ("sgdm", "decoupled")),
        Member(
            "adagrad",
            "Adagrad",
            "each coordinate's step is divided by the root of the sum of its squared gradients",
            ("sgd",),
        ),
        Member(
            "rmsprop", "RMSProp", "the sum becomes a moving average, which forgets", ("adagrad",)
        ),
        Member(
            "adam",
            "Adam",
            "the gradient becomes a moving average too, and both averages are corrected for "
            "their start at zero",
            ("rmsprop", "sgdm"),
        ),
        Member(
            "swats",
            "SWATS",
            "goes over to SGDM when the rate for that has settled",
            ("adam", "sgdm"),
        ),
        Member("amsgrad", "AMSGrad", "the average of squares keeps its largest value", ("adam",)),
        Member(
            "adabound",
            "AdaBound",
            "each coordinate's rate stays between two bounds that close in on one number",
            ("adam", "sgdm"),
        ),
        Member(
            "radam",
            "RAdam",
            "the step is held back while the average of squares is young",
            ("adam",),
        ),
        Member("nadam", "Nadam", "the average of gradients looks one step ahead", ("adam", "nag")),
        Member(
            "nadam_schedule",
            "Nadam, scheduled",
            "the momentum begins at about half and grows",
            ("nadam",),
        ),
        Member("adamw", "AdamW", "the weights decay beside the step", ("adam", "decoupled")),
        Member("l2", "L2 regularization", "the weights decay by way of the gradient"),
        Member("decoupled", "Decoupled weight decay", "the weights decay beside the step"),
        Member("lookahead", "Lookahead", "k steps forward, one step back"),
    )
}
"""All members by name, parents before children but for the wrappers, which are last."""


def children(name: str) -> list[Member]:
    """Those whose nearest parent it is."""
    return [member for member in FAMILY.values() if member.parents[:1] == (name,)]


def lineage(name: str) -> list[Member]:
    """It and its nearest ancestors, the oldest first.

    Raises KeyError for a name that is not in the family; the message lists those that are.
    """
    if name not in FAMILY:
        raise KeyError(f"{name!r} is not in the family; there are {', '.join(FAMILY)}")
    member = FAMILY[name]
    return [*(lineage(member.parents[0]) if member.parents else []), member]
