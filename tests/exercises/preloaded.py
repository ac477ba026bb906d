"""What the process has loaded from which the tests fork the grader's command."""

import functools
import os
import sys
from pathlib import Path

import nbgrader.api
import nbgrader.apps
import nbgrader.converters

import exercises.grading.batch

# It runs a program of some seconds, of this environment, to learn a number that stays the same.
os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
nbgrader.api.get_alembic_version = functools.cache(nbgrader.api.get_alembic_version)
nbgrader.api.get_alembic_version()

__all__ = ["exercises", "nbgrader"]
