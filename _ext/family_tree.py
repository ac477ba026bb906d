"""The family of optimizers as nested lists with links.

A `{div}` of the class `family-tree` becomes the whole tree. With the names of rules as further
classes it becomes what belongs to these: their ancestors, themselves, marked, and the names of
their children. What stands in the `{div}` is read in JupyterLab, which cannot make the tree.

Each entry leads to the label `rule-NAME`: in the rule's chapter or, while it has none, on the page
of all optimizers.
"""

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

from optlib.family import FAMILY, children, lineage
from optlib.formula import Formula
from optlib.rules import RULES


def grow(app: Sphinx, doctree: nodes.document) -> None:
    """Puts the tree into each place for it."""
    known = {nodes.make_id(name): name for name in FAMILY}
    for place in doctree.findall(nodes.container):
        if "family-tree" in place["classes"]:
            named = [c for c in place["classes"] if c not in ("family-tree", "is-div")]
            if strange := [c for c in named if c not in known]:
                raise ExtensionError(
                    f"{app.env.docname}: {strange[0]!r} is not in the family; there are "
                    f"{', '.join(FAMILY)}"
                )
            place[:] = Tree(app.env.docname, [known[c] for c in named]).build()


class Tree:
    """The tree on a page; `here` are the rules that the page is about, if it is about some."""

    def __init__(self, page: str, here: list[str]) -> None:
        self.page = page
        self.here = here

    def build(self) -> list[nodes.Node]:
        """Lists of the rules and of the wrappers."""
        shown = {member.name for name in self.here for member in lineage(name)}
        roots = [m for m in FAMILY.values() if not m.parents and (not shown or m.name in shown)]
        rules = [m for m in roots if m.name in RULES]
        wrappers = [m for m in roots if m.name not in RULES]
        built: list[nodes.Node] = []
        if rules:
            built += [self.branches(rules, shown)]
        if wrappers:
            built += [nodes.paragraph("", "Around any of them:"), self.branches(wrappers, shown)]
        return built

    def branches(self, members: list[Formula], shown: set[str]) -> nodes.bullet_list:
        """The members and, below each, its children; of these only those in `shown`, if any is."""
        entries = nodes.bullet_list()
        for member in members:
            entry = nodes.list_item("", self.told(member))
            below = children(member.name)
            more = [m for m in below if not shown or m.name in shown]
            if more:
                entry += self.branches(more, shown)
            elif below:
                entry += nodes.bullet_list("", nodes.list_item("", self.named("Next: ", below)))
            entries += entry
        return entries

    def told(self, member: Formula) -> nodes.paragraph:
        """A member's name, its change in words, and its other parents."""
        here = member.name in self.here
        text = nodes.paragraph()
        text += nodes.strong("", member.title) if here else self.link(member)
        text += nodes.Text(f": {member.change}")
        if others := list(member.parents[1:]):
            text += [nodes.Text(" ("), *self.named("also from ", others).children, nodes.Text(")")]
        if here:
            text += nodes.inline("", " · you are here", classes=["here"])
        return text

    def named(self, words: str, members: list[Formula]) -> nodes.paragraph:
        """Words and the members' names after them."""
        text = nodes.paragraph("", words)
        for i, member in enumerate(members):
            text += [nodes.Text(", " * bool(i)), self.link(member)]
        return text

    def link(self, member: Formula) -> pending_xref:
        """A link to where the member is explained."""
        return pending_xref(
            "",
            nodes.inline("", member.title),
            refdomain="std",
            reftype="ref",
            refexplicit=True,
            refwarn=True,
            reftarget=f"rule-{member.name}",
            refdoc=self.page,
        )


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("doctree-read", grow)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
