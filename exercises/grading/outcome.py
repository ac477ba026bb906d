"""What came of one submission."""

from dataclasses import asdict, dataclass
from typing import Any

from exercises.verdict import Verdict


@dataclass(frozen=True)
class Outcome:
    """What came of one submission; all of it is plain text and numbers.

    Attributes
    ----------
    student : str
        The submission's name: its folder's, or its file's without what tells the exercise.
    id : str
        The same as a name for files and for the gradebook: letters, digits and `_.@-`.
    files : tuple of str
        The files that were graded, as paths in the folder of submissions.
    verdicts : dict of str to Verdict
        For each exercise of the assignment, in its order.
    notebooks : dict of str to dict
        For each exercise that was handed in, the notebook as it was rebuilt and ran, in the
        format of nbformat 4: sources as the student wrote them, outputs as text and PNG only.
    flags : tuple of str
        What needs the instructor's eye: what could not be read or was stopped, each a sentence.
    notes : tuple of str
        What was repaired on the way, each a sentence; a mark does not depend on it.
    seconds : float
        How long it took on the clock.
    """

    student: str
    id: str
    files: tuple[str, ...]
    verdicts: dict[str, Verdict]
    notebooks: dict[str, dict[str, Any]]
    flags: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def points(self) -> int:
        """What all answers earn."""
        return sum(verdict.points for verdict in self.verdicts.values())

    def to_json(self) -> dict[str, Any]:
        """The same as JSON has it."""
        return asdict(self)

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> "Outcome":
        """The outcome that `to_json` gave."""
        verdicts = {name: Verdict(**verdict) for name, verdict in kept["verdicts"].items()}
        lists = {name: tuple(kept[name]) for name in ("files", "flags", "notes")}
        return cls(**kept | lists | {"verdicts": verdicts})
