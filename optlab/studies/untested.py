"""A study whose numbers cannot answer the card's claim: they are shown, and no verdict is."""

from dataclasses import dataclass

from optlab.card import Evidence, Setting, Study, Verdict


@dataclass(frozen=True)
class Untested:
    """A study that is run for its numbers alone; the verdict is "not tested".

    Attributes
    ----------
    study : Study
        What is run.
    reason : str
        Why it cannot answer the claim.
    needed : str
        What a test would take.
    """

    study: Study
    reason: str
    needed: str

    @property
    def seeds(self) -> int:
        """As of the study."""
        return self.study.seeds

    @property
    def verdict_rule(self) -> str:
        """That there is none, and why."""
        return f"None, the claim is not tested: {self.reason}. A test would take {self.needed}."

    def protocol(self, setting: Setting) -> dict[str, str]:
        """As of the study."""
        return self.study.protocol(setting)

    def run(self, setting: Setting) -> Evidence:
        """What the study measures, without its verdict."""
        return self.study.run(setting)._replace(verdict=Verdict.NOT_TESTED)
