"""The limits of the class grader, all in one place."""

from dataclasses import dataclass, field, fields
from math import inf


def limit(default: float, what: str) -> float:
    """A limit with its meaning, which the command shows as its help; the first word is its unit."""
    made: float = field(default=default, metadata={"help": what, "unit": what.split()[0]})
    return made


MIB = 2**20


@dataclass(frozen=True)
class Settings:
    """What a submission may use.

    Raises
    ------
    ValueError
        A limit is not above zero, or has no end.
    """

    wall: float = limit(
        60, "seconds on the clock for one notebook, with a second try of its answer"
    )
    cell: float = limit(15, "seconds on the clock for one cell, and for all calls of one answer")
    cpu: float = limit(40, "seconds of processor time for one notebook")
    memory: float = limit(2048, "MiB of memory for one notebook")
    scratch: float = limit(16, "MiB of temporary files that a notebook may write")
    scratch_files: float = limit(5000, "files and folders that a notebook may make there")
    threads: float = limit(64, "threads that a notebook may have at a time")
    output: float = limit(4, "MiB that a notebook may send back: values, text and pictures")
    shown: float = limit(20, "KiB of text of one cell that reach the feedback")
    file: float = limit(20, "MiB of one submitted file")
    files: float = limit(200, "files in one submission")
    cells: float = limit(500, "cells in one notebook")
    source: float = limit(512, "KiB of source in one notebook")

    def __post_init__(self) -> None:
        for each in fields(self):
            if not 0 < getattr(self, each.name) < inf:
                raise ValueError(
                    f"{each.name} is {getattr(self, each.name)}: it must be a number above 0"
                )
