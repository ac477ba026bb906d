"""Work in processes of their own: what a submission does to one of them, it does to nobody else."""

import ctypes
import json
import multiprocessing
import os
import resource
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any, TypeVar

from exercises.grading.settings import MIB

Item = TypeVar("Item")

TRIES = 2
"""So often an item is worked on before it is a failure: a neighbour may have been in its way."""


@dataclass(frozen=True)
class Failure:
    """Why nothing came of an item."""

    reason: str


@dataclass
class Worker:
    """A process at work on an item, its slot among those that run at a time, and its end."""

    process: Any
    item: Any
    tries: int
    slot: int
    end: float


def forked(
    work: Callable[[Item], Any],
    items: Sequence[Item],
    *,
    jobs: int,
    seconds: float,
    memory: float,
) -> Iterator[tuple[Item, Any]]:
    """Do work on each item in a fork of this process, and yield each with its result as it comes.

    A fork has at once all that this process has loaded. It ends with this process, however this
    one ends.

    Parameters
    ----------
    work : callable
        Gives what JSON can have. If it raises, runs too long or takes too much, twice, the result
        is a `Failure`.
    items : sequence
        What to work on.
    jobs : int
        How many at a time, each on a processor of its own if there are enough.
    seconds : float
        How long one may take.
    memory : float
        How many MiB one may take beside what this process has.
    """
    processors = sorted(os.sched_getaffinity(0))
    waiting = [(item, TRIES - 1) for item in reversed(items)]
    free = list(range(jobs))
    running: dict[Any, Worker] = {}
    try:
        while waiting or running:
            while waiting and free:
                item, tries = waiting.pop()
                slot = free.pop()
                own = processors[slot] if jobs <= len(processors) else None
                try:
                    with _uninterrupted():
                        here, process = _begun(work, item, own, memory)
                        end = time.monotonic() + seconds
                        running[here] = Worker(process, item, tries, slot, end)
                except OSError:
                    if not running:  # there is nothing to wait for
                        raise
                    waiting.append((item, tries))
                    free.append(slot)
                    break  # no more processes for now
            ready = wait([*running], timeout=1)
            late = [here for here in running if time.monotonic() > running[here].end]
            for here in {*ready, *late}:
                worker = running.pop(here)
                free.append(worker.slot)
                result = _result(here, worker.process, late=here not in ready)
                if isinstance(result, Failure) and worker.tries:
                    waiting.insert(0, (worker.item, worker.tries - 1))
                else:
                    yield worker.item, result
    finally:
        for worker in running.values():
            worker.process.kill()


def _begun(
    work: Callable[[Item], Any], item: Item, own: int | None, memory: float
) -> tuple[Any, Any]:
    """The end of the pipe that a result will come from, and the process that works on it."""
    fork = multiprocessing.get_context("fork")
    here, there = fork.Pipe(duplex=False)
    process = fork.Process(target=_run, args=(work, item, there, own, memory))
    try:
        process.start()
    except OSError:
        here.close()
        raise
    finally:
        there.close()
    return here, process


def _run(
    work: Callable[[Item], Any], item: Item, there: Any, own: int | None, memory: float
) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears it, too, and ends this
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # end with the parent, however it ends
    if own is not None:
        # A notebook that spins in many threads slows its own processor alone.
        os.sched_setaffinity(0, {own})
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = pages * resource.getpagesize() + int(memory * MIB)
    with suppress(ValueError):  # there is a lower one already
        resource.setrlimit(resource.RLIMIT_AS, (most, hard))
    try:
        said: Any = {"result": work(item)}
    except Exception as error:
        said = {"failure": f"{type(error).__name__}: {error}"}
    there.send_bytes(json.dumps(said).encode())


def _result(here: Any, process: Any, *, late: bool) -> Any:
    """What a process has sent, or why it has not."""
    if late:
        process.kill()
    try:
        said = {"failure": "it took too long"} if late else json.loads(here.recv_bytes())
    except (EOFError, OSError):
        process.join()
        said = {"failure": f"its process ended with status {process.exitcode}"}
    here.close()
    process.join()
    return said["result"] if "result" in said else Failure(said["failure"])


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Let an interruption wait: one that comes during a fork is lost in what Python does then."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread is ever interrupted
        return
    heard: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: heard.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if heard:
        raise KeyboardInterrupt
