"""The book's own Sphinx extension: what Jupyter Book, its theme and its companions leave undone."""

import hashlib
import os
import re
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.ext.autodoc import FunctionDocumenter

from optlib.formula import Formula

ROOT = Path(__file__).resolve().parent.parent

# Whatever changes the numbers of a chapter, besides the chapter itself.
INGREDIENTS = ("optlib", "optlive", "optlab", "exercises", "requirements.txt")
APART = ("exercises", "grading")  # no chapter grades

# MathJax with its fonts, and what its menu loads on request: not the other ready-made bundles.
MATHJAX = ("tex-mml-chtml.js", "input/tex/extensions", "output/chtml/fonts/woff-v2", "a11y", "sre")

# What hides a page's content from a screen reader, and what mends it.
FAULTS = {
    # docutils gives an entry of the bibliography a role that no longer exists.
    'role="doc-biblioentry"': 'role="listitem"',
    # MyST-NB's label of a folded cell hides its visible text.
    '<summary aria-label="Toggle hidden content">': "<summary>",
}


def ingredients_key() -> str:
    """Names the state of all that the chapters' numbers are made of."""
    key = hashlib.sha256()
    for ingredient in INGREDIENTS:
        path = ROOT / ingredient
        for file in [path] if path.is_file() else sorted(path.rglob("*")):
            parts = file.relative_to(ROOT).parts
            # What begins with a dot is an editor's or the system's, and no number comes from it.
            if any(part == "__pycache__" or part.startswith(".") for part in parts):
                continue
            if parts[: len(APART)] == APART:
                continue
            if file.is_file():
                key.update("/".join(parts).encode() + b"\0" + file.read_bytes())
    return key.hexdigest()[:12]


def choose_cache(app: Sphinx, config: Config) -> None:
    """Gives each state of optlib its own folder of executed notebooks, and removes the others.

    jupyter-cache compares only the notebooks' code, so it would serve an old optlib's numbers. The
    folder's name is a setting: when it changes, Sphinx reads every page again.
    """
    caches = Path(app.outdir).parent / "executed"
    config.nb_execution_cache_path = str(caches / ingredients_key())
    for old in caches.glob("*"):
        # Not a file that the system left there, such as .DS_Store.
        if old.is_dir() and str(old) != config.nb_execution_cache_path:
            shutil.rmtree(old)


def add_mathjax(app: Sphinx, error: Exception | None) -> None:
    """Copies MathJax from its Python package, so that the pages ask no other host for it."""
    spec = find_spec("sphinx-mathjax-offline")
    assert spec and spec.origin
    source = Path(spec.origin).parent / "static/mathjax"
    target = Path(app.outdir) / "_static/mathjax"
    if error is None and not target.exists():
        for part in MATHJAX:
            copy = shutil.copytree if (source / part).is_dir() else shutil.copy
            (target / part).parent.mkdir(parents=True, exist_ok=True)
            copy(source / part, target / part)


def classic_script(figure: str, host: str) -> str:
    """Joins the live figures' two modules into one classic script.

    Browsers load no module on a page that was opened as a file.
    """
    figure = re.sub(r"^export default ", "return ", figure, flags=re.MULTILINE)
    figure = re.sub(r"^export ", "", figure, flags=re.MULTILINE)
    host, imports = re.subn(
        r"""^import (\w+) from ["']\./figure\.mjs["'];?$""",
        lambda found: f"const {found[1]} = (() => {{\n{figure}\n}})();",
        host,
        flags=re.MULTILINE,
    )
    if imports != 1:
        raise ValueError("host.mjs must have one line `import figure from './figure.mjs';`")
    return f"(() => {{\n{host}\n}})();\n"


def add_live_figures(app: Sphinx, error: Exception | None) -> None:
    """Writes the script that wakes the live figures."""
    live = ROOT / "optlive"
    if error is None:
        script = classic_script(
            (live / "figure.mjs").read_text("utf-8"), (live / "host.mjs").read_text("utf-8")
        )
        (Path(app.outdir) / "_static/live.js").write_text(script, "utf-8")


def mend_page(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Takes faults of others out of a page."""
    for fault, cure in FAULTS.items():
        if "body" in context:
            context["body"] = context["body"].replace(fault, cure)
    # sphinx-thebe's scripts throw an error even when thebe is off.
    context["script_files"] = [
        script
        for script in context["script_files"]
        if "thebe" not in f"{script.filename} {script.attributes.get('body')}"
    ]


class FormulaDocumenter(FunctionDocumenter):
    """Documents a rule, a wrapper or a schedule as the function that it is written as."""

    objtype = "formula"
    directivetype = "function"
    priority = FunctionDocumenter.priority + 10

    @classmethod
    def can_document_member(cls, member: Any, membername: str, isattr: bool, parent: Any) -> bool:
        return isinstance(member, Formula)


def setup(app: Sphinx) -> dict[str, bool]:
    # The kernels inherit these: live figures as HTML, .venv's kernel before a user's own, and
    # nothing kept as a student's progress.
    os.environ["OPTLIB_LIVE"] = "html"
    os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"
    os.environ["OPTLIB_PROGRESS"] = ""
    app.setup_extension("sphinx.ext.autodoc")
    app.add_autodocumenter(FormulaDocumenter)
    app.add_js_file("live.js", defer="defer")
    app.connect("config-inited", choose_cache)
    app.connect("html-page-context", mend_page)
    app.connect("build-finished", add_mathjax)
    app.connect("build-finished", add_live_figures)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
