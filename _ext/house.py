"""The book's own Sphinx extension: what Jupyter Book, its theme and its companions leave undone."""

import os
import re
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import nbformat
from sphinx.application import Sphinx
from sphinx.ext.autodoc import FunctionDocumenter

from optlib.formula import Formula
from tools.execution import KERNEL_ENVIRONMENT, Copies
from tools.notebooks import chapters

ROOT = Path(__file__).resolve().parent.parent

# MathJax with its fonts, and what its menu loads on request: not the other ready-made bundles.
MATHJAX = ("tex-mml-chtml.js", "input/tex/extensions", "output/chtml/fonts/woff-v2", "a11y", "sre")

# What hides a page's content from a screen reader, and what mends it.
FAULTS = {
    # docutils gives an entry of the bibliography a role that no longer exists.
    'role="doc-biblioentry"': 'role="listitem"',
    # MyST-NB's label of a folded cell hides its visible text.
    '<summary aria-label="Toggle hidden content">': "<summary>",
}


def depend_on_copies(app: Sphinx, copies: Copies) -> None:
    """Lets the pages be made of the executed copies that are up to date, and of no others."""
    copies.tidy(chapters())
    app.config.nb_execution_cache_path = str(copies.folder)

    def depend(app: Sphinx, page: str, source: list[str]) -> None:
        """Lets a page be read again when its notebook was executed again."""
        if app.env.doc2path(page).endswith(".ipynb"):
            record = copies.record(nbformat.reads(source[0], as_version=4))
            if record:
                app.env.note_dependency(str(copies.file(record)))

    app.connect("source-read", depend)


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
    os.environ.update(KERNEL_ENVIRONMENT)
    app.setup_extension("sphinx.ext.autodoc")
    app.add_autodocumenter(FormulaDocumenter)
    app.add_js_file("live.js", defer="defer")
    app.connect("config-inited", lambda app, config: depend_on_copies(app, Copies()))
    app.connect("html-page-context", mend_page)
    app.connect("build-finished", add_mathjax)
    app.connect("build-finished", add_live_figures)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
