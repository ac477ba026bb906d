"""Fixtures for the tests of the built pages in a headless Chromium whose network is shut."""

import contextlib
import functools
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Locator,
    Page,
    Request,
    Response,
    expect,
    sync_playwright,
)

from tests.system import IN_CI, find

ROOT = Path(__file__).resolve().parents[2]
HTML = ROOT / "_build/html"
FLAGS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # A page that needs any other host fails.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost",
]


@dataclass
class Visit:
    """A page of the book in the browser, and what went on while it was there."""

    page: Page
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    def listen(self) -> None:
        """Records every address asked for, every JavaScript error and every file not found."""
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("requestfailed", self._failed)
        self.page.on("response", self._answered)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on(
            "console",
            lambda message: self.errors.append(message.text) if message.type == "error" else None,
        )

    def _failed(self, request: Request) -> None:
        self.missing.append(f"{request.url}: {request.failure}")

    def _answered(self, response: Response) -> None:
        if response.status >= 400:
            self.missing.append(f"{response.url}: {response.status}")


def find_chromium() -> str:
    """The path of Chromium or Chrome."""
    names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
    mac = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
    cure = (
        "no Chromium or Chrome was found. To test the pages in a browser, install one: "
        "on Debian sudo apt install chromium, elsewhere Chrome from google.com/chrome"
    )
    return find([*names, mac], "chromium", cure)


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *args: Any) -> None:
        """Prints nothing for an answered request."""


@pytest.fixture(scope="session")
def site() -> Iterator[str]:
    """The address of the built book on a local server; what changed is built first."""
    build = [sys.executable, "-m", "tools.build"]
    built = subprocess.run(
        build, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if built.returncode:
        pytest.fail(f"the book does not build:\n{built.stdout}", pytrace=False)
    handler = functools.partial(QuietHandler, directory=str(HTML))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://localhost:{server.server_port}/"
        server.shutdown()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One headless Chromium for the whole session."""
    chromium = find_chromium()
    with sync_playwright() as playwright:
        sandbox = os.geteuid() != 0 and not IN_CI
        browser = playwright.chromium.launch(
            executable_path=chromium, args=FLAGS, chromium_sandbox=sandbox
        )
        yield browser
        browser.close()


def wake_figures(page: Page) -> list[Locator]:
    """The page's live figures, each scrolled into view and awake; the page is at its top again."""
    figures = page.locator("figure.optlib-live").all()
    for figure in figures:
        figure.scroll_into_view_if_needed()
        expect(figure).to_have_attribute("data-live", "ready")
    page.evaluate("scrollTo({top: 0, behavior: 'instant'})")
    return figures


@pytest.fixture(scope="session")
def context_for(browser: Browser) -> Callable[..., BrowserContext]:
    """A reader's browser with these options, which all tests share: to make one takes long."""

    @functools.cache
    def context(**options: Any) -> BrowserContext:
        return browser.new_context(**options)

    return context


@pytest.fixture
def page_for(
    site: str, context_for: Callable[..., BrowserContext]
) -> Iterator[Callable[..., Visit]]:
    """Opens a page of the book: `page_for("chapters/momentum.html", theme="dark", width=390)`.

    Further options go to the browser's context: has_touch=True, java_script_enabled=False,
    reduced_motion="reduce" …  The visit's `page` is Playwright's; the equations have been drawn.
    What the page has kept for its reader is gone afterwards.
    """
    with contextlib.ExitStack() as stack:

        def visit(url: str, theme: str = "light", width: int = 1280, **options: Any) -> Visit:
            script = options.get("java_script_enabled", True)
            page = context_for(color_scheme=theme, **options).new_page()
            stack.callback(page.close)
            page.set_viewport_size({"width": width, "height": 800})
            visit = Visit(page)
            visit.listen()
            page.goto(url if "://" in url else site + url, wait_until="load")
            if script:
                stack.callback(page.evaluate, "localStorage.clear()")
                page.evaluate("globalThis.MathJax?.startup.promise")
            return visit

        yield visit
