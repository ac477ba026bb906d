"""What runs in the sandbox: a notebook's cells in order, and between them the questions.

It reads one job from its standard input and writes one JSON object a line to its standard output,
as soon as there is something to say. No right answer is in a job, so nothing that a student's code
does to this process can earn a mark; the worst it can do is to lose its own.
"""

import base64
import io
import json
import os
import random
import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any, TextIO

MIB = 2**20


class TimeLimit(BaseException):
    """A cell took too long. No Exception, as `except Exception` in a loop would swallow it."""


def restrict(limits: dict[str, float]) -> None:
    """Bound what this process may use from now on, for good."""
    bounds = {
        resource.RLIMIT_AS: limits["memory"] * MIB,
        resource.RLIMIT_CPU: limits["cpu"],
        resource.RLIMIT_FSIZE: limits["scratch"] * MIB,
        resource.RLIMIT_NOFILE: 256,
        resource.RLIMIT_CORE: 0,
    }
    if limits["threads"]:  # those of root are counted outside
        bounds[resource.RLIMIT_NPROC] = limits["threads"]
    for kind, bound in bounds.items():
        _, hard = resource.getrlimit(kind)
        new = int(bound) if hard == resource.RLIM_INFINITY else min(int(bound), hard)
        resource.setrlimit(kind, (new, new))


@contextmanager
def timed(seconds: float) -> Iterator[None]:
    """Raise a TimeLimit in the code below after so many seconds, and again each second."""

    def stop(*_: Any) -> None:
        raise TimeLimit(f"stopped after {seconds:g} seconds")

    # Set anew each time: a student's cell may have changed it.
    signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


class Runner:
    """Runs the steps of one notebook in one IPython shell."""

    def __init__(self, job: dict[str, Any], out: TextIO) -> None:
        self.job = job
        self.out = out
        self.shell = _shell()
        self.answered: set[str] = set()

    def tell(self, **said: Any) -> None:
        """Send a line."""
        self.out.write(json.dumps(said) + "\n")
        self.out.flush()

    def run(self, step: int, source: str) -> None:
        """Run a cell and send what it printed, showed and raised."""
        from IPython.utils.capture import capture_output

        stopped = ""
        with capture_output() as captured:
            try:
                with timed(self.job["limits"]["cell"]):
                    result = self.shell.run_cell(source, store_history=True)
                error = result.error_before_exec or result.error_in_exec
                stopped = str(error) if isinstance(error, TimeLimit) else ""
            except TimeLimit as limit:  # while IPython itself was at work
                stopped = str(limit)
        shown = int(self.job["limits"]["shown"] * 1024)
        printed = {"stdout": captured.stdout, "stderr": captured.stderr}
        outputs: list[dict[str, str]] = [
            {"name": name, "text": text[:shown]} for name, text in printed.items() if text
        ]
        for each in captured.outputs:
            data = each.data
            if picture := data.get("image/png"):
                coded = picture if isinstance(picture, str) else base64.b64encode(picture).decode()
                outputs.append({"png": coded})
            elif text := data.get("text/plain"):
                outputs.append({"text": str(text)[:shown]})
        self.tell(step=step, outputs=outputs, stopped=stopped)

    def ask(self, step: int, name: str) -> None:
        """Ask the function of that name and send its replies, until there is an answer."""
        from exercises.asking import Question, ask
        from exercises.wire import pack_reply, unpack_inputs

        if name in self.answered:
            return
        about, probes = self.job["questions"][name]
        question = Question(**about)
        function = self.shell.user_ns.get(name)
        if not callable(function):
            return self.tell(step=step, lost=name not in self.shell.user_ns)
        random.seed(0)
        if numpy := sys.modules.get("numpy"):
            numpy.random.seed(0)
        sink = io.StringIO()
        try:
            with timed(self.job["limits"]["cell"]), redirect_stdout(sink), redirect_stderr(sink):
                replies = ask(question, function, [unpack_inputs(each) for each in probes])
            packed = [pack_reply(reply) for reply in replies]
            if all(reply.trouble == "blank" for reply in replies):
                return self.tell(step=step, replies=packed)
        except TimeLimit as limit:
            self.answered.add(name)
            return self.tell(step=step, stopped=str(limit))
        except BaseException as error:  # one that `ask` lets through, or what it works with is gone
            self.answered.add(name)
            return self.tell(step=step, failed=_name(error))
        self.answered.add(name)
        self.tell(step=step, replies=packed)


def _name(error: BaseException) -> str:
    """The name of an error's type, which a student's code may have made."""
    try:
        return f"{type(error).__name__:.80}"
    except BaseException:
        return "an error"


def _shell() -> Any:
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    class Shell(InteractiveShell):
        def enable_gui(self, gui: Any = None) -> None:
            """`%matplotlib inline` asks for none, which the base class refuses."""

        def showtraceback(self, *args: Any, **kwargs: Any) -> None:
            """What stopped a cell is said in a line, and not as an error of ours."""
            if isinstance(limit := sys.exc_info()[1], TimeLimit):
                print(f"This cell was {limit}.")
            else:
                super().showtraceback(*args, **kwargs)

    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    return Shell.instance(config=config, ipython_dir=os.environ["HOME"])


def main() -> None:
    job = json.load(sys.stdin)
    # The line out is kept for this module; what prints to the usual places goes nowhere.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="backslashreplace")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for usual in (0, 1, 2):
        os.dup2(nowhere, usual)
    os.close(nowhere)
    restrict(job["limits"])
    runner = Runner(job, out)
    runner.tell(begun=True)
    for step, (kind, what) in enumerate(job["steps"]):
        try:
            {"run": runner.run, "ask": runner.ask}[kind](step, what)
        except BaseException as error:  # the next step may still go well
            runner.tell(step=step, trouble=_name(error))
    runner.tell(ended=True)
    os._exit(0)  # nothing that a student's code has left for the end is run
