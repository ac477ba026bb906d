"""Every page of the book, in light and dark, on a wide and on a narrow screen."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest
from playwright.sync_api import expect
from sphinx_external_toc.parsing import parse_toc_yaml

from tools.notebooks import repository

from .conftest import HTML, ROOT, Visit

AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text("utf-8")
PAGES = [f"{name}.html" for name in parse_toc_yaml(ROOT / "_toc.yml")] + ["search.html"]


def accessibility_faults(visit: Visit) -> list[str]:
    """What axe finds on the page, with the elements that have the fault."""
    visit.page.evaluate(AXE)
    violations: list[dict[str, Any]] = visit.page.evaluate(
        """axe.run({
            rules: {'label-content-name-mismatch': {enabled: true}}, resultTypes: ['violations']
        }).then(found => found.violations)"""
    )
    return [
        f"{fault['id']}: {fault['help']}\n  {node['html'][:200]}\n  {node['failureSummary']}"
        for fault in violations
        for node in fault["nodes"]
        # Screen readers read an equation's MathML; axe takes a header that holds one for empty.
        if fault["id"] != "empty-table-header" or "<math" not in inner_html(visit, node)
    ]


def inner_html(visit: Visit, node: dict[str, Any]) -> str:
    """What is inside an element that axe found."""
    return visit.page.locator(node["target"][0]).inner_html()


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("url", PAGES)
def test_page(page_for: Callable[..., Visit], site: str, url: str, theme: str, width: int) -> None:
    visit = page_for(url, theme, width)
    assert visit.page.evaluate("document.documentElement.dataset.theme") == theme
    wide = visit.page.evaluate("document.documentElement.scrollWidth")
    assert wide <= width, f"the page scrolls sideways: {wide} pixels"
    others = [request for request in visit.requests if not request.startswith((site, "data:"))]
    assert others == []
    assert visit.missing == []
    assert visit.errors == []
    # The last, as axe itself asks for files.
    assert accessibility_faults(visit) == []


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
    figure = visit.page.locator("figure.optlib-live").first
    figure.scroll_into_view_if_needed()
    expect(figure).to_have_attribute("data-live", "ready")
    assert visit.missing == []
    assert visit.errors == []
