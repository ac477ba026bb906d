"""Every page of the book, in light and dark, on a wide and on a narrow screen."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest
from playwright.sync_api import Locator, Page
from sphinx_external_toc.parsing import parse_toc_yaml

from optlib.family import FAMILY, children
from optlib.formula import Formula
from tools.notebooks import repository

from .conftest import HTML, ROOT, Visit, wake_figures

AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text("utf-8")
PAGES = [f"{name}.html" for name in parse_toc_yaml(ROOT / "_toc.yml")] + ["search.html"]


# The glyphs of an equation hold no text, and screen readers are told of its MathML instead. axe's
# time goes with the number of elements: it gets a box of the same size.
WITHOUT_GLYPHS = """() => {
  for (const math of document.querySelectorAll('mjx-math')) {
    const box = math.getBoundingClientRect();
    math.replaceChildren();
    math.style.cssText = `display: inline-block; width: ${box.width}px; height: ${box.height}px`;
  }
}"""

# One element with text, or link, of each look: with the same colours, lines and sizes, its own
# and those of all that it lies in, axe says the same of its contrast.
LOOKS = """() => {
  const looks = new Map(), prefixes = new Map([[null, '']]);
  for (const element of document.querySelectorAll('*')) {
    const style = getComputedStyle(element);
    const look = [
      prefixes.get(element.parentElement), style.color, style.background, style.opacity,
      style.fontSize, style.fontWeight, style.filter, style.textShadow, style.position,
      style.textDecoration, style.borderBottom,
    ].join('|');
    if (!looks.has(look)) looks.set(look, {number: looks.size, element: null});
    const known = looks.get(look);
    prefixes.set(element, known.number);
    const words = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if ((words || element.matches('a')) && element.checkVisibility({visibilityProperty: true}))
      known.element ??= element;
  }
  return [...looks.values()].flatMap(({element}) => element ?? []);
}"""

COLOUR = ["color-contrast", "link-in-text-block"]
AXE_RUNS = {
    "colour": f"axe.run({{include: ({LOOKS})()}}, {{runOnly: {COLOUR}}})",
    "rest": """axe.run({rules: {
      'color-contrast': {enabled: false},
      'link-in-text-block': {enabled: false},
      'label-content-name-mismatch': {enabled: true},
    }})""",
}


def accessibility_faults(visit: Visit, rules: str) -> list[str]:
    """What axe finds on the page, and in which elements, by its rules of colour or by the rest."""
    found = visit.page.evaluate(f"{AXE_RUNS[rules]}.then(({{violations}}) => violations)")
    return [
        f"{fault['id']}: {fault['help']}\n  {node['html'][:200]}\n  {node['failureSummary']}"
        for fault in found
        for node in fault["nodes"]
        # Screen readers read an equation's MathML; axe takes a header that holds one for empty.
        if fault["id"] != "empty-table-header" or "<math" not in inner_html(visit, node)
    ]


def inner_html(visit: Visit, node: dict[str, Any]) -> str:
    """What is inside an element that axe found."""
    return visit.page.locator(node["target"][0]).inner_html()


def figures_of(url: str) -> int:
    """The number of live figures that the page's file holds."""
    return (HTML / url).read_text("utf-8").count('<figure class="optlib-live"')


# Puts a colour that is on its way to the other theme's at its end.
SETTLE = """() => document.getAnimations()
  .filter((move) => Number.isFinite(move.effect.getComputedTiming().endTime))
  .forEach((move) => move.finish())"""


def change_theme(page: Page, theme: Any) -> None:
    """Does what the reader's system does when it changes between light and dark."""
    page.emulate_media(color_scheme=theme)
    page.wait_for_function("theme => document.documentElement.dataset.theme === theme", arg=theme)
    page.evaluate(SETTLE)


# Markup that a reader would see: of a table, a formula or a role that nobody has read.
MARKUP = r"""() => {
  const text = (document.querySelector('article') ?? document.body).cloneNode(true);
  text.querySelectorAll('pre, code, mjx-container, script').forEach((part) => part.remove());
  return text.textContent.match(/\|\s*[-—]+\s*\||\\\(|\$\\|\{(doc|ref|cite\S*|term)\}/g);
}"""


# A page is loaded once a width, in one theme, and then changes to the other as its reader's
# system does. The widths begin with different themes, so that both are loaded.
@pytest.mark.parametrize(
    ("width", "themes"),
    [(1280, ["light", "dark"]), (390, ["dark", "light"])],
    ids=["1280", "390"],
)
@pytest.mark.parametrize("url", PAGES)
def test_page(
    page_for: Callable[..., Visit], site: str, url: str, width: int, themes: list[str]
) -> None:
    visit = page_for(url, themes[0], width)
    page = visit.page
    assert page.evaluate("document.documentElement.dataset.theme") == themes[0]
    assert len(wake_figures(page)) == figures_of(url)
    assert page.evaluate(MARKUP) is None
    for theme in themes:
        change_theme(page, theme)
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, f"the page scrolls sideways: {wide} pixels"
    others = [request for request in visit.requests if not request.startswith((site, "data:"))]
    assert others == []
    assert visit.missing == []
    assert visit.errors == []
    # The last, as axe itself asks for files, and what it need not see is taken out.
    page.evaluate(AXE)
    page.evaluate(WITHOUT_GLYPHS)
    assert accessibility_faults(visit, "rest") == []
    for theme in reversed(themes):
        change_theme(page, theme)
        assert accessibility_faults(visit, "colour") == [], theme


@pytest.mark.parametrize(
    ("harm", "rules", "fault"),
    [
        ("p => p.style.color = '#888'", "colour", "color-contrast"),
        ("p => p.innerHTML = '<img src=\"\">'", "rest", "image-alt"),
        ("p => p.innerHTML = '<span role=\"button\"></span>'", "rest", "aria-command-name"),
    ],
)
def test_a_fault_of_one_paragraph_is_found(
    page_for: Callable[..., Visit], harm: str, rules: str, fault: str
) -> None:
    page = (visit := page_for("chapters/momentum.html")).page
    page.evaluate(AXE)
    page.evaluate(WITHOUT_GLYPHS)
    paragraphs = page.locator("article section > p").all()
    paragraphs[len(paragraphs) // 2].evaluate(harm)
    assert {text.partition(":")[0] for text in accessibility_faults(visit, rules)} == {fault}


def words(figure: Locator) -> str:
    return "\n".join(figure.locator("[role=status] span").all_inner_texts())


@pytest.mark.parametrize("url", [url for url in PAGES if url.startswith("chapters/")])
def test_every_figure_answers_to_keys(page_for: Callable[..., Visit], url: str) -> None:
    if not figures_of(url):
        return  # a page of text
    visit = page_for(url)
    for figure in wake_figures(visit.page):
        before, name = words(figure), figure.get_attribute("aria-label")
        changed = False
        handles = figure.locator("[role=slider], input[type=range]").all()
        for handle in handles:
            handle.focus()
            value = handle.get_attribute("aria-valuetext")
            # Away from the end that it may stand at.
            for key in ("ArrowLeft", "ArrowRight", "ArrowRight"):
                visit.page.keyboard.press(key)
                changed = changed or words(figure) != before
                if handle.get_attribute("aria-valuetext") != value:
                    break
            else:
                pytest.fail(f"{name}: no arrow key moves {handle.get_attribute('aria-label')}")
        assert handles and changed, f"{name}: its words stay the same"
        figure.get_by_role("button", name="Reset").click()
        assert words(figure) == before, name
    assert visit.errors == []


def test_the_book_has_live_figures() -> None:
    # A build that lost its figures would pass every test of each figure.
    assert sum(map(figures_of, PAGES)) >= 11


def test_equations_are_drawn(page_for: Callable[..., Visit], site: str) -> None:
    visit = page_for("chapters/momentum.html")
    assert visit.page.locator("mjx-container svg, mjx-container mjx-math").count() > 10
    assert visit.page.locator("mjx-merror").count() == 0
    fonts = [url for url in visit.requests if url.endswith(".woff")]
    assert fonts
    assert all(url.startswith(f"{site}_static/mathjax/") for url in fonts)
    # No equation is left as text.
    visit.page.evaluate("document.querySelectorAll('mjx-container').forEach(e => e.remove())")
    assert r"\(" not in visit.page.locator("article").inner_text()


def test_boxes_mark_the_terms_that_changed(page_for: Callable[..., Visit]) -> None:
    page = page_for("chapters/adam.html").page
    box = page.locator(".optlib-box").filter(has_text="as a change to rmsprop")
    assert box.locator("del").all_text_contents() == ["g", "v"]
    assert box.locator("mark").all_text_contents() == ["m_hat", "v_hat", "m,"]
    # Not by colour alone: what is new has a solid line, what is gone a dashed one.
    for drawn, count, style in ((".mjx-new", 2, "solid"), (".mjx-gone", 2, "dashed")):
        terms = box.locator(f"mjx-math {drawn}")
        assert terms.count() == count
        for term in terms.all():
            assert term.evaluate("e => getComputedStyle(e).borderBottomStyle") == style


def test_the_family_tree_leads_to_every_optimizer(page_for: Callable[..., Visit]) -> None:
    page = page_for("index.html").page
    tree = page.locator(".family-tree")
    told = tree.locator("li > p").all_inner_texts()
    assert [text.partition(":")[0] for text in told] == [
        m.title for m in in_order(FAMILY["sgd"])
    ] + [member.title for member in FAMILY.values() if not member.parents and member.name != "sgd"]
    tree.get_by_role("link", name="RMSProp", exact=True).click()
    page.wait_for_url("**/chapters/rmsprop.html#*")
    here = page.locator(".family-tree")
    assert here.locator("li:has(> p .here) > p strong").all_inner_texts() == ["RMSProp"]
    assert here.get_by_role("link").all_inner_texts() == ["SGD", "Adagrad", "Adam"]


def in_order(member: Formula) -> list[Formula]:
    """It and all who come from it, as the tree lists them."""
    return [member, *(m for child in children(member.name) for m in in_order(child))]


def test_search_finds_a_chapter(page_for: Callable[..., Visit]) -> None:
    visit = page_for("index.html")
    visit.page.keyboard.press("Control+k")
    visit.page.keyboard.type("momentum")
    visit.page.keyboard.press("Enter")
    found = visit.page.locator("#search-results a[href*='chapters/momentum.html']").first
    found.click()
    visit.page.wait_for_url("**/chapters/momentum.html*")
    assert visit.errors == []


def test_buttons_take_their_address_from_the_one_place(page_for: Callable[..., Visit]) -> None:
    address = repository()
    owner_and_name = address.removeprefix("https://github.com/")
    page = page_for("chapters/momentum.html").page
    links = [
        link.get_attribute("href") for link in page.locator(".article-header-buttons a[href]").all()
    ]
    notebook = "chapters/momentum.ipynb"
    assert address in links
    assert f"{address}/issues/new?title=Issue%20on%20page%20%2Fchapters/momentum.html" in " ".join(
        filter(None, links)
    )
    assert (
        f"https://colab.research.google.com/github/{owner_and_name}/blob/main/{notebook}" in links
    )
    assert f"https://mybinder.org/v2/gh/{owner_and_name}/main?urlpath=lab/tree/{notebook}" in links
    download = page.locator(".article-header-buttons a[href$='/momentum.ipynb']:not([href^=http])")
    assert page.request.get(download.evaluate("link => link.href")).ok


def test_theme_can_be_switched(page_for: Callable[..., Visit]) -> None:
    page = page_for("index.html").page
    seen = set()
    for _ in range(3):
        page.locator("button.theme-switch-button:visible").click()
        seen.add(page.evaluate("document.documentElement.dataset.theme"))
    assert seen == {"light", "dark"}


def test_a_page_opened_as_a_file_works(page_for: Callable[..., Visit]) -> None:
    visit = page_for((HTML / "chapters/momentum.html").as_uri())
    assert visit.page.locator("mjx-container").count() > 10
    assert wake_figures(visit.page)
    assert visit.missing == []
    assert visit.errors == []
