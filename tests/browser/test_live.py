"""The live figures in a browser: they answer to mouse, touch and keys, in every light and width."""

import functools
import shutil
import threading
from collections.abc import Callable, Iterator
from http.server import ThreadingHTTPServer
from importlib.metadata import distribution
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect

import optlive as live
from optlib import adagrad, rmsprop
from optlib.problems import burst, quadratic
from tests.browser.conftest import QuietHandler
from tests.optlive.test_live import COMBINATIONS, FIGURES, TERMS

NAMES = list(FIGURES)
PAGE = """<!doctype html><html lang="en" data-theme="{theme}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>Figures</title>
<link rel="icon" href="data:,"><style>
html[data-theme="light"] {{ --pst-color-background: #fff; --pst-color-text-base: #222832; }}
html[data-theme="dark"] {{ --pst-color-background: #14181e; --pst-color-text-base: #ced6dd;
  --pst-color-text-muted: #9ca4af; --pst-color-primary: #3fb1c5; }}
body {{ background: var(--pst-color-background); color: var(--pst-color-text-base); }}
</style><script type="module" src="host.mjs"></script></head>
<body><main><h1>Figures</h1>{figures}</main></body></html>"""


# What could go wrong in a browser: what is written in place of what, or a policy of the page.
BROKEN = {
    "no JavaScript": ('"rule":"(', '"rule":"(('),
    "an error in the first step": ("return [theta", "return nothing[theta"),
    "a page that forbids eval": ("", ""),
}
MATHJAX = '<script defer src="mathjax/tex-mml-chtml.js"></script>'
POLICY = """<meta http-equiv="Content-Security-Policy" content="script-src 'self'">"""


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of pages that hold nothing but every figure, and of some with a broken one."""
    folder = tmp_path_factory.mktemp("figures")
    for module in Path(live.__file__).parent.glob("*.mjs"):
        shutil.copy(module, folder)
    html = "".join(figure.html for figure in FIGURES.values())
    for theme in ("light", "dark"):
        (folder / f"{theme}.html").write_text(PAGE.format(theme=theme, figures=html), "utf-8")
    for name, (right, wrong) in BROKEN.items():
        html = FIGURES["paths"].html.replace(right, wrong or right) + FIGURES["curves"].html
        text = PAGE.format(theme="light", figures=html)
        text = text if wrong else text.replace("<head>", f"<head>{POLICY}")
        (folder / f"{name}.html").write_text(text, "utf-8")
    switches = FIGURES["switches"].html
    broken = switches.replace("let m_hat = ", "let m_hat = nothing + ")
    (folder / "a broken switch.html").write_text(
        PAGE.format(theme="light", figures=broken), "utf-8"
    )
    # As in the book, where MathJax sets every equation anew.
    text = PAGE.format(theme="light", figures=switches).replace("<head>", f"<head>{MATHJAX}")
    (folder / "mathjax.html").write_text(text, "utf-8")
    offline = distribution("sphinx-mathjax-offline")
    scripts = Path(str(offline.locate_file("sphinx-mathjax-offline/static/mathjax")))
    (folder / "mathjax").symlink_to(scripts, target_is_directory=True)
    handler = functools.partial(QuietHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://localhost:{server.server_port}/"
        server.shutdown()


Open = Callable[..., Page]


@pytest.fixture
def open_page(figures: str, browser: Browser) -> Iterator[Open]:
    """Opens the figures; a JavaScript error fails the test."""
    contexts, errors = [], []

    def opened(theme: str = "light", width: int = 900, **options: Any) -> Page:
        contexts.append(browser.new_context(viewport={"width": width, "height": 800}, **options))
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"{figures}{theme}.html")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not errors


def figure(page: Page, name: str) -> Locator:
    """The figure of that name, awake."""
    found = page.locator("figure.optlib-live").nth(NAMES.index(name))
    found.scroll_into_view_if_needed()
    expect(found).to_have_attribute("data-live", "ready")
    return found


def wake_all(page: Page) -> None:
    for name in NAMES:
        figure(page, name)


def words(found: Locator) -> str:
    return "\n".join(found.locator("[role=status] span").all_inner_texts())


def drawing(found: Locator) -> list[str | None]:
    paths = found.locator(".front path.line:not(.faint)")
    return [paths.nth(k).get_attribute("d") for k in range(paths.count())]


def middle(found: Locator) -> tuple[float, float]:
    box = found.bounding_box()
    assert box
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


@pytest.mark.parametrize("width", [320, 390, 900])
def test_waking_moves_nothing_and_says_the_same(open_page: Open, width: int) -> None:
    still = open_page(width=width, java_script_enabled=False)
    awake = open_page(width=width)
    wake_all(awake)
    for k, name in enumerate(NAMES):
        place = "f => [f.offsetLeft, f.offsetTop, f.offsetWidth, f.offsetHeight]"
        before, after = (page.locator("figure.optlib-live").nth(k) for page in (still, awake))
        assert before.evaluate(place) == after.evaluate(place), name
        assert words(after) == FIGURES[name].status
    assert awake.evaluate("document.documentElement.scrollWidth") == width
    # Every word of a picture stands inside of it.
    outside = """() => [...document.querySelectorAll('.panel > svg')].flatMap((svg) => {
      const box = svg.getBoundingClientRect();
      return [...svg.querySelectorAll('text')].filter((text) => {
        const t = text.getBoundingClientRect();
        return t.left < box.left - 1 || t.right > box.right + 1 ||
          t.top < box.top - 1 || t.bottom > box.bottom + 1;
      }).map((text) => text.textContent);
    })"""
    assert awake.evaluate(outside) == []


def test_a_picture_stands_without_javascript(open_page: Open) -> None:
    page = open_page(java_script_enabled=False)
    for k in range(len(NAMES)):
        pictures = page.locator("figure.optlib-live").nth(k).locator(".panel > svg[role=img]")
        for n in range(pictures.count()):
            expect(pictures.nth(n)).to_be_visible()
    assert page.locator("input:enabled, button:enabled").count() == 0


@pytest.mark.parametrize("fault", BROKEN)
def test_what_cannot_start_stays_a_still_picture(open_page: Open, fault: str) -> None:
    page = open_page(fault)
    broken, other = page.locator("figure.optlib-live").all()
    other.scroll_into_view_if_needed()
    expect(other).to_have_attribute("data-live", "ready")
    expect(broken).to_have_attribute("data-live", "failed")
    still = broken.locator(".panel > svg[role=img]")
    assert still.count() == broken.locator(".panel > svg").count() == 2
    for k in range(2):
        expect(still.nth(k)).to_be_visible()
    assert broken.locator("input:enabled, button:enabled").count() == 0
    assert words(broken).startswith(FIGURES["paths"].status)
    assert "This figure could not be started" in words(broken)


def test_a_figure_that_stops_goes_back_to_its_start(open_page: Open) -> None:
    page = open_page("a broken switch")
    found = page.locator("figure.optlib-live")
    expect(found).to_have_attribute("data-live", "ready")
    found.get_by_label("correct the bias").press("Space")
    expect(found).to_have_attribute("data-live", "failed")
    assert words(found).split("\n") == [
        FIGURES["switches"].status,
        "This figure stopped, so here is its still picture.",
    ]
    assert found.locator("input:enabled, button:enabled").count() == 0
    assert found.locator(".formula:visible p").all_inner_texts() == ["Adam, not corrected"]
    assert checked(found) == [True, True, False]


def checked(found: Locator) -> list[bool]:
    boxes = found.get_by_role("checkbox")
    return [boxes.nth(k).is_checked() for k in range(boxes.count())]


def test_only_the_main_button_drags(open_page: Open) -> None:
    page = open_page()
    found = figure(page, "paths")
    before = drawing(found)
    x, y = middle(found.locator(".hand"))
    buttons: list[Any] = ["right", "middle", "left"]
    for button in buttons:
        page.mouse.move(x, y)
        page.mouse.down(button=button)
        page.mouse.move(x + 60, y + 40, steps=4)
        page.mouse.up(button=button)
        page.keyboard.press("Escape")
        assert (drawing(found) != before) == (button == "left"), button


def test_reduced_motion_is_respected(open_page: Open) -> None:
    page = open_page(reduced_motion="reduce")
    assert page.evaluate("matchMedia('(prefers-reduced-motion: reduce)').matches")
    wake_all(page)
    moving = "document.getAnimations().length"
    assert page.evaluate(moving) == 0
    found = figure(page, "paths")
    before = drawing(found)
    found.get_by_label("η learning rate").fill("120")
    assert page.evaluate(moving) == 0
    assert drawing(found) != before
    x, y = middle(found.locator(".hand"))
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 40, y + 20)
    assert page.evaluate(moving) == 0
    page.mouse.up()
    found.get_by_role("button", name="Reset").click()
    assert page.evaluate(moving) == 0
    assert drawing(found) == before


def test_mouse_drags_the_start(open_page: Open) -> None:
    page = open_page()
    found = figure(page, "paths")
    hand, before = found.locator(".hand"), drawing(found)
    x, y = middle(hand)
    page.mouse.move(x + 3, y + 3)
    page.mouse.down()
    page.mouse.move(x + 63, y + 43, steps=4)
    assert drawing(found) != before
    assert words(found) != FIGURES["paths"].status
    # The point stays where it was gripped.
    assert middle(hand) == pytest.approx((x + 60, y + 40), abs=1)
    page.mouse.move(x - 2000, y)
    page.mouse.up()
    assert middle(hand)[0] >= middle(found.locator(".panel").first)[0] - 200
    moved = drawing(found)
    page.mouse.move(x, y)
    assert drawing(found) == moved
    found.get_by_role("button", name="Reset").click()
    assert drawing(found) == before
    assert words(found) == FIGURES["paths"].status


def test_a_finger_drags_the_hand_and_scrolls_the_page_elsewhere(open_page: Open) -> None:
    page = open_page(width=390, has_touch=True, is_mobile=True)
    found = figure(page, "plane")
    hand = found.locator(".hand")
    reach = found.locator(".reach").bounding_box()
    assert reach and min(reach["width"], reach["height"]) >= 44
    touch = page.context.new_cdp_session(page)

    def swipe(x: float, y: float, dx: float, dy: float) -> None:
        at = [{"x": x, "y": y}]
        touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": at})
        for part in range(1, 9):
            at = [{"x": x + dx * part / 8, "y": y + dy * part / 8}]
            touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": at})
        touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    hand.scroll_into_view_if_needed()
    top = page.evaluate("scrollY")
    x, y = middle(hand)
    swipe(x, y, 150, 120)
    assert page.evaluate("scrollY") == top
    assert "divergent" in words(found)
    swipe(x, y + 60, 0, -150)
    page.wait_for_function("top => scrollY > top + 50", arg=top)


def test_the_studio_trains_with_a_schedule_that_is_bent(open_page: Open) -> None:
    page = open_page()
    found = figure(page, "studio")
    first, still = words(found), drawing(found)
    hand = found.get_by_role("slider", name="rate at step 20")
    assert hand.get_attribute("aria-orientation") == "vertical"
    assert hand.get_attribute("aria-valuetext") == "0.2"
    x, y = middle(hand)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 40, y - 30, steps=4)
    page.mouse.up()
    assert middle(hand) == pytest.approx((x, y - 30), abs=1)
    changed = f"(words) => words !== {first!r} && !words.includes('training')"
    status = "document.querySelectorAll('figure.optlib-live')[%d].querySelector('[role=status]')"
    told = f"({changed})({status % NAMES.index('studio')}.innerText)"
    page.wait_for_function(told)
    after = drawing(found)
    # The line that was drawn by hand has changed in both pictures, the other one in none.
    assert [a != b for a, b in zip(still, after, strict=True)] == [False, True, False, True]
    assert words(found).split("\n")[0] == first.split("\n")[0]
    hand.press("Home")
    expect(hand).to_have_attribute("aria-valuetext", "0.2")
    assert words(found) == first
    for up, down in (("ArrowUp", "ArrowDown"), ("ArrowRight", "ArrowLeft")):
        hand.press(up)
        assert float(hand.get_attribute("aria-valuetext") or 0) > 0.2
        hand.press(down)
        expect(hand).to_have_attribute("aria-valuetext", "0.2")
    found.get_by_label("λ momentum coefficient").fill("0.5")
    page.wait_for_function(told)
    assert words(found).split("\n")[0] != first.split("\n")[0]
    found.get_by_role("button", name="Reset").click()
    assert words(found) == first
    assert drawing(found) == still


def test_keys_move_the_hand(open_page: Open) -> None:
    page = open_page()
    found = figure(page, "paths")
    hand = found.get_by_role("slider", name="start, on quadratic")
    hand.focus()
    said = [hand.get_attribute("aria-valuetext")]
    assert said == ["x = −2, y = 1"]
    places = [middle(hand)]
    for key in ("ArrowRight", "Shift+ArrowRight", "ArrowUp", "Shift+ArrowDown", "ArrowLeft"):
        page.keyboard.press(key)
        said.append(hand.get_attribute("aria-valuetext"))
        places.append(middle(hand))
    assert len(set(said)) == len(said)
    steps = [(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(places)]
    one = steps[0][0]
    expected = [(one, 0), (10 * one, 0), (0, -one), (0, 10 * one), (-one, 0)]
    assert [pytest.approx(step, abs=1) for step in steps] == expected
    page.keyboard.press("Home")
    assert hand.get_attribute("aria-valuetext") == said[0]
    assert words(found) == FIGURES["paths"].status
    # Focus can be seen.
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    ring = "g => getComputedStyle(g.querySelector('.focus')).stroke"
    assert hand.evaluate(ring) != "none"


def test_keys_move_the_sliders(open_page: Open) -> None:
    page = open_page()
    found = figure(page, "paths")
    before = drawing(found)
    for label in ("η learning rate", "λ momentum coefficient", "κ condition number", "step"):
        slider = found.get_by_label(label)
        value = slider.get_attribute("aria-valuetext")
        slider.focus()
        page.keyboard.press("ArrowLeft")
        assert slider.get_attribute("aria-valuetext") != value
        assert drawing(found) != before
        before = drawing(found)
    assert "at step 29" in words(found)
    found.get_by_label("step").fill("0")
    assert words(found).count("at step 0") == 3


def test_keys_stay_in_the_figure(open_page: Open) -> None:
    page = open_page()
    page.evaluate("""() => {
      globalThis.heard = [];
      document.addEventListener('keydown', (e) => { if (!e.defaultPrevented) heard.push(e.key); });
    }""")
    found = figure(page, "paths")
    for part in (found.locator(".hand"), found.get_by_label("step")):
        part.focus()
        for key in ("ArrowUp", "Home", "Shift+Enter"):
            page.keyboard.press(key)
    # JupyterLab would go to another cell.
    assert "ArrowUp" not in page.evaluate("heard")
    assert page.evaluate("heard").count("Enter") == 2


def test_the_plane_knows_its_regions(open_page: Open) -> None:
    page = open_page()
    found = figure(page, "plane")
    for lr, momentum, region in (
        (0.1, 0.1, "monotone"),
        (1, 0.5, "oscillating"),
        (4, 0.2, "divergent"),
    ):
        found.get_by_label("η learning rate", exact=True).fill(str(lr))
        found.get_by_label("λ momentum coefficient", exact=True).fill(str(momentum))
        assert f": {region}, rate" in words(found)
    assert found.get_by_role("slider", name="η learning rate and λ momentum coefficient").count()
    assert found.locator("text.region").all_text_contents() != []


def test_sliders_move_signals(open_page: Open) -> None:
    found = figure(open_page(), "signals")

    def expected(**settings: Any) -> str:
        both, show = [adagrad, rmsprop], ("v", "rate")
        problem = burst(**settings)
        return live.signals(both, problem, steps=400, show=show, lr=0.1, beta2=0.99).status

    before = drawing(found)
    assert len(before) == 4
    found.get_by_label("G gradient during the burst").fill("200")
    assert words(found) == expected(size=1000)
    moved = drawing(found)
    assert all(a != b for a, b in zip(before, moved, strict=True))
    begin = found.get_by_label("t₁ step at which the burst begins")
    begin.press("ArrowRight")
    assert begin.get_attribute("aria-valuetext") == "2"
    assert words(found) == expected(size=1000, begin=2)
    assert drawing(found) != moved
    assert not any("NaN" in (d or "") or "Infinity" in (d or "") for d in drawing(found))
    found.get_by_role("button", name="Reset").click()
    assert (drawing(found), words(found)) == (before, FIGURES["signals"].status)


def test_the_step_of_signals_moves(open_page: Open) -> None:
    found = figure(open_page(), "features")
    found.get_by_label("step", exact=True).fill("0")
    assert words(found) == "sgd: x = 0, y = 0 at step 0\nadagrad: x = 0, y = 0 at step 0"
    found.get_by_label("step", exact=True).press("ArrowRight")
    assert words(found).startswith("sgd: x = 0.1, y = 0 at step 1\n")


def test_switches_change_rule_equations_and_path(open_page: Open) -> None:
    page = open_page()
    found = figure(page, "switches")
    boxes, shown = found.get_by_role("checkbox"), found.locator(".formula:visible")
    places = middle(found.locator(".panel")), middle(boxes.first)
    names, on = list(TERMS), {"m", "v"}
    seen, drawn = [], []
    boxes.first.focus()
    for turn in (0, 1, 0, 2, 0, 1, 0, None):  # through all combinations
        again = live.switches(TERMS, COMBINATIONS, quadratic, (-2, 1), on=on, lr=0.1, beta1=0.9)
        assert words(found) == again.status
        label = words(found).partition(":")[0]
        assert shown.locator("p").all_inner_texts() == [label]
        # What is hidden is hidden from screen readers too.
        heard = found.aria_snapshot()
        assert heard.count("paragraph") == 1 and f"paragraph: {label}" in heard
        assert checked(found) == [name in on for name in names]
        seen.append(label)
        drawn.append(drawing(found)[0])
        if turn is not None:
            boxes.nth(turn).focus()
            page.keyboard.press("Space")
            on ^= {names[turn]}
    assert len(set(seen)) == len(set(drawn)) == 7  # the correction alone corrects nothing
    assert (middle(found.locator(".panel")), middle(boxes.first)) == places


def test_what_a_switch_brings_is_marked(open_page: Open) -> None:
    found = figure(open_page(), "switches")
    box, new = found.get_by_label("correct the bias"), found.locator(".formula:visible li.new")
    assert new.count() == 0
    box.check()
    assert new.count() == 3  # the two corrections and the step
    assert new.get_by_text("new", exact=True).count() == 3
    found.get_by_label("η learning rate").press("ArrowRight")
    assert new.count() == 3
    box.uncheck()
    assert new.count() == 1  # the step again
    found.get_by_role("button", name="Reset").click()
    assert new.count() == 0
    assert words(found) == FIGURES["switches"].status


def test_mathjax_does_no_harm_to_switches(open_page: Open) -> None:
    page = open_page("mathjax")
    page.evaluate("MathJax.startup.promise")
    found = page.locator("figure.optlib-live")
    expect(found).to_have_attribute("data-live", "ready")
    rows = found.locator(".formula li").count()
    assert found.locator("li > mjx-container").count() == rows
    assert found.locator("li > math").count() == 0
    before = middle(found.get_by_label("correct the bias"))
    found.get_by_label("correct the bias").press("Space")
    assert found.locator("mjx-container:visible").count() == 6
    assert "paragraph: adam" in found.aria_snapshot()
    assert found.aria_snapshot().count("- math") <= 6
    assert found.locator("li > mjx-container").count() == rows
    assert middle(found.get_by_label("correct the bias")) == before
    assert page.locator("mjx-merror").count() == 0


TIP = """head => {
  const tip = head.getPointAtLength(0).matrixTransform(head.getScreenCTM());
  return [tip.x, tip.y];
}"""


def test_the_look_ahead_is_drawn(open_page: Open) -> None:
    found = figure(open_page(), "lookahead")
    maps = found.locator(".panel")
    places = []
    for k in range(2):
        assert maps.nth(k).locator(".arrow").count() == 2
        look = middle(maps.nth(k).locator(".look"))
        tip = maps.nth(k).locator(".arrow.momentum .head").evaluate(TIP)
        places.append(max(abs(look[0] - tip[0]), abs(look[1] - tip[1])))
    # NAG takes its gradient where the momentum leads, SGDM where it stands.
    assert places[1] < 1 < 10 < places[0]


def test_a_slider_chooses_among_runs(open_page: Open) -> None:
    page = open_page()
    found = figure(page, "curves")
    a, b = drawing(found)
    found.get_by_label("B: η learning rate").focus()
    page.keyboard.press("ArrowRight")
    after = drawing(found)
    assert after[0] == a and after[1] != b
    assert found.locator("output").nth(1).inner_text() == "4"


def test_a_run_that_leaves_is_said_to(open_page: Open) -> None:
    page = open_page()
    found = figure(page, "paths")
    found.get_by_label("η learning rate").fill("200")
    assert words(found).count("diverges at step") == 3
    assert not any("NaN" in (d or "NaN") or "Infinity" in (d or "") for d in drawing(found))


def test_the_figure_answers_before_the_next_frame(open_page: Open) -> None:
    """Each move of the hand has been drawn when the browser has told of it: nothing is put off to
    a later frame, however fast the moves come."""
    page = open_page()
    found = figure(page, "divergent")
    drawings = found.evaluate("""figure => {
      const hand = figure.querySelector('.hand'), box = hand.getBoundingClientRect();
      const send = (type, x) => hand.dispatchEvent(
        new PointerEvent(type, { clientX: x, clientY: box.y, pointerId: 1, isPrimary: true }));
      hand.setPointerCapture = () => {};
      send('pointerdown', box.x);
      const drawings = [];
      for (let k = 0; k < 40; k++) {
        send('pointermove', box.x + k);
        const paths = [...figure.querySelectorAll('path')];
        drawings.push(paths.map(path => path.getAttribute('d')).join());
      }
      return drawings;
    }""")
    assert len({*drawings}) == 40


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nobody_is_shut_out(open_page: Open, theme: str) -> None:
    page = open_page(theme)
    wake_all(page)
    result = Axe().run(page)
    assert result.violations_count == 0, result.generate_report()
    contrast = """() => {
      const light = (colour) => {
        const [r, g, b] = colour.match(/[\\d.]+/g).map((c) => c / 255)
          .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
      };
      const paper = light(getComputedStyle(document.querySelector('.optlib-live')).backgroundColor);
      return [...document.querySelectorAll('.panel text')].map((text) => {
        const [a, b] = [light(getComputedStyle(text).fill), paper].sort();
        return (b + 0.05) / (a + 0.05);
      }).sort((a, b) => a - b)[0];
    }"""
    assert page.evaluate(contrast) >= 4.5


def test_a_second_host_does_no_harm(open_page: Open) -> None:
    page = open_page()
    figure(page, "paths")
    page.add_script_tag(url="host.mjs?again", type="module")
    found = figure(page, "paths")
    assert found.locator(".hand").count() == 1
