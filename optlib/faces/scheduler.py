"""The torch face of a schedule: a scheduler like those of `torch.optim.lr_scheduler`."""

import warnings
from typing import Any

import numpy as np
import torch
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from optlib.notation import demand_known
from optlib.schedule import Schedule


class ScheduleLR(LRScheduler):
    """Sets the learning rates of a torch optimizer, ours or another's, from a schedule.

    Each parameter group's own `lr` is its peak. Call `step()` after every update, that is after
    every batch and not after every epoch; a warning says when this was forgotten::

        optimizer = SGDM(model.parameters(), lr=0.5, momentum=0.95)
        steps = epochs * len(batches)
        scheduler = ScheduleLR(optimizer, one_cycle, momentum=one_cycle_momentum,
                               total_steps=steps)

    Parameters
    ----------
    optimizer : torch.optim.Optimizer
        Whose rates are set; they may be tensors, which are changed in place.
    schedule : Schedule
        Of the learning rate.
    momentum : Schedule, optional
        Of the momentum: the option `momentum`, or else the first of `betas`. Each group's own is
        its peak.
    last_epoch : int
        As for every scheduler of torch: -1, the default, for a new run.
    **hyper
        Hyper-parameters of both schedules but the peaks; those left out have their defaults.

    Raises
    ------
    TypeError
        `schedule` or `momentum` schedules something else, the optimizer has no momentum, or an
        unknown hyper-parameter or no number is given.
    ValueError
        A hyper-parameter out of range or a group whose learning rate is 0; in `step`, when the
        `total_steps` are over; in `load_state_dict`, a state of another schedule.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        schedule: Schedule,
        *,
        momentum: Schedule | None = None,
        last_epoch: int = -1,
        **hyper: Any,
    ) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"ScheduleLR takes a torch optimizer, got {type(optimizer).__name__}")
        self.schedule = _of("lr", schedule)
        self.momentum = momentum if momentum is None else _of("momentum", momentum)
        known = [n for s in self._schedules() for n in s.hyper if n != s.result]
        owner = " with ".join(s.name for s in self._schedules())
        if taken := {s.result for s in self._schedules()} & hyper.keys():
            raise TypeError(
                f"{owner}: {' and '.join(taken)} is not given here; set it in the optimizer, "
                "since each parameter group's own is its peak"
            )
        demand_known(owner, "hyper-parameter", hyper, dict.fromkeys(known))
        if rows := [n for n, value in hyper.items() if np.ndim(value)]:
            raise TypeError(f"{owner}: {', '.join(rows)} must be a single number")
        self.hyper = hyper
        self._updates = 0
        for i, group in enumerate(optimizer.param_groups):
            self._begin(i, group)
        super().__init__(optimizer, last_epoch)
        optimizer.register_step_post_hook(self._count)
        optimizer.register_load_state_dict_post_hook(self._forget)

    def _schedules(self) -> list[Schedule]:
        return [s for s in (self.schedule, self.momentum) if s is not None]

    def _begin(self, i: int, group: dict[str, Any]) -> None:
        """Check the peaks of a group, and note its momentum as torch notes its rate."""
        peak = float(group.get("initial_lr", group["lr"]))
        if not peak > 0:
            raise ValueError(
                f"parameter group {i} has lr = {peak:g}, which would be the peak of "
                f"{self.schedule.name}; give the optimizer a learning rate above 0"
            )
        self.schedule.check(lr=peak, **self._hyper(self.schedule))
        if self.momentum is not None:
            if not {"momentum", "betas"} & group.keys():
                raise TypeError(
                    f"parameter group {i} has neither momentum nor betas for {self.momentum.name}"
                )
            peak = group.setdefault("initial_momentum", float(_momentum(group)))
            self.momentum.check(momentum=peak, **self._hyper(self.momentum))

    def _hyper(self, schedule: Schedule) -> dict[str, Any]:
        return {n: value for n, value in self.hyper.items() if n in schedule.hyper}

    @torch.compiler.disable
    def _count(self, *_: Any) -> None:
        self._updates += 1

    def _forget(self, *_: Any) -> None:
        self._updates = 0

    def get_lr(self) -> list[float | torch.Tensor]:
        """The rate of each group now; sets its momentum too, as torch's OneCycleLR does."""
        self._updates = 0
        if self.momentum is not None:
            for group in self.optimizer.param_groups:
                _set_momentum(group, self._now(self.momentum, group["initial_momentum"]))
        return [self._now(self.schedule, lr) for lr in self.base_lrs]

    def _now(self, schedule: Schedule, peak: Any) -> float:
        peaks = {schedule.result: float(peak)}
        return float(schedule(self.last_epoch, **peaks, **self._hyper(schedule)))

    def step(self, epoch: int | None = None) -> None:
        """Go on to the next update's rate; call it after every `optimizer.step()`."""
        if self._updates > 1:
            warnings.warn(
                f"{self.schedule.name} counts updates, and the optimizer has made {self._updates} "
                "since the last step of the scheduler; call scheduler.step() after every batch, "
                "not after every epoch",
                stacklevel=2,
            )
        total = (self.schedule.hyper | self.hyper).get("total_steps", 0)
        if total and self.last_epoch >= total:
            raise ValueError(
                f"{self.schedule.name} is over after total_steps = {total} updates; "
                "set total_steps to epochs * batches"
            )
        super().step(epoch)

    def state_dict(self) -> dict[str, Any]:
        """All that a run needs to go on: numbers, and the schedules by name."""
        names = {"schedule": self.schedule.name, "momentum": self.momentum and self.momentum.name}
        state = super().state_dict() | names
        del state["_updates"]
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from what `state_dict` gave, hyper-parameters included.

        The rates themselves are the optimizer's; load its state too.
        """
        own = self.state_dict()
        for name in ("schedule", "momentum"):
            if state_dict.get(name) != own[name]:
                raise ValueError(
                    f"this state is of the {name} {state_dict.get(name)}, not {own[name]}"
                )
        kept = {"schedule": self.schedule, "momentum": self.momentum, "_updates": 0}
        super().load_state_dict(state_dict | kept)


def _of(quantity: str, schedule: Schedule) -> Schedule:
    if not isinstance(schedule, Schedule) or schedule.result != quantity:
        raise TypeError(f"ScheduleLR takes a schedule of {quantity} here, got {schedule!r}")
    return schedule


def _momentum(group: dict[str, Any]) -> Any:
    return group["momentum"] if "momentum" in group else group["betas"][0]


def _set_momentum(group: dict[str, Any], value: float) -> None:
    """Set the momentum as torch sets a rate: a tensor, which a compiled step holds, in place."""
    own = _momentum(group)
    if torch.is_tensor(own):
        own.fill_(value)
    elif "momentum" in group:
        group["momentum"] = value
    else:
        group["betas"] = (value, *group["betas"][1:])
