"""The directive `family-tree`: the family of optimizers as nested lists with links.

Without arguments it is the whole tree. With the names of rules it is what belongs to these: their
ancestors, themselves, marked, and the names of their children. Each entry leads to the label
`rule-NAME`: in the rule's chapter or, while it has none, on the page of all optimizers.
"""

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from optlib.family import FAMILY, Member, children, lineage
from optlib.rules import RULES


class FamilyTree(SphinxDirective):
    """See the module."""

    optional_arguments = len(FAMILY)

    def run(self) -> list[nodes.Node]:
        here = self.arguments
        try:
            shown = {member.name for name in here for member in lineage(name)}
        except KeyError as error:
            raise self.error(error.args[0]) from None
        roots = [m for m in FAMILY.values() if not m.parents and (not shown or m.name in shown)]
        rules = [m for m in roots if m.name in RULES]
        wrappers = [m for m in roots if m.name not in RULES]
        tree = nodes.container(classes=["family-tree"])
        if rules:
            tree += self.branches(rules, shown)
        if wrappers:
            tree += [nodes.paragraph("", "Around any of them:"), self.branches(wrappers, shown)]
        return [tree]

    def branches(self, members: list[Member], shown: set[str]) -> nodes.bullet_list:
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

    def told(self, member: Member) -> nodes.paragraph:
        """A member's name, its change in words, and its other parents."""
        here = member.name in self.arguments
        text = nodes.paragraph()
        text += nodes.strong("", member.title) if here else self.link(member)
        text += nodes.Text(f": {member.change}")
        if others := [FAMILY[name] for name in member.parents[1:]]:
            text += [nodes.Text(" ("), *self.named("also from ", others).children, nodes.Text(")")]
        if here:
            text += nodes.inline("", " · you are here", classes=["here"])
        return text

    def named(self, words: str, members: list[Member]) -> nodes.paragraph:
        """Words and the members' names after them."""
        text = nodes.paragraph("", words)
        for i, member in enumerate(members):
            text += [nodes.Text(", " * bool(i)), self.link(member)]
        return text

    def link(self, member: Member) -> pending_xref:
        """A link to where the member is explained."""
        return pending_xref(
            "",
            nodes.inline("", member.title),
            refdomain="std",
            reftype="ref",
            refexplicit=True,
            refwarn=True,
            reftarget=f"rule-{member.name}",
            refdoc=self.env.docname,
        )


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("family-tree", FamilyTree)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
