"""report.html in a real browser: Debian's chromium. Without it these tests are skipped; `make check` installs it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from orchestrator.model.report import RunReport
from orchestrator.reporters.html.page import content
from orchestrator.reporters.table import HTML, write_files
from tests.integration.browser import LOOKS, Open, chromium, needs_chromium, pages
from tests.run_reports import HOSTILE, hostile_report, many, run_directory

pytestmark = needs_chromium
LOAD_S = 20.0  # for 28,000 cases, on a machine that compiles a kernel beside it; by itself it takes 1 s


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as made:
        yield made


@pytest.fixture
def complaints() -> list[str]:
    """What the browser complains of, and what it asks for beside the page itself."""
    return []


@pytest.fixture
def open_page(browser: Browser, complaints: list[str]) -> Iterator[Open]:
    with pages(browser, complaints) as open_it:
        yield lambda path, **options: open_it(path.as_uri(), **options)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return written(run_directory(tmp_path), tmp_path)


def written(report: RunReport, tmp_path: Path) -> Path:
    write_files(report, tmp_path)
    return tmp_path / HTML


@pytest.mark.parametrize("look", LOOKS)
def test_axe_finds_nothing_to_complain_of(look: dict[str, object], small: Path, open_page: Open) -> None:
    page = open_page(small, bypass_csp=True, **look)  # axe is a script, which the page refuses otherwise
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def test_axe_would_find_something(small: Path, open_page: Open) -> None:
    """So that the test above means something."""
    page = open_page(small, bypass_csp=True)
    page.evaluate("document.documentElement.lang = ''; document.querySelector('.word').style.color = '#f0dddd'")
    found = {violation["id"] for violation in Axe().run(page).response["violations"]}
    assert {"html-has-lang", "color-contrast"} <= found


@pytest.mark.parametrize("look", LOOKS)
def test_nothing_is_wider_than_the_screen_and_nothing_is_complained_of(
    look: dict[str, object], small: Path, open_page: Open, complaints: list[str]
) -> None:
    page = open_page(small, **look)
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    width = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width[0] <= width[1]
    assert complaints == []


def test_without_script_everything_is_there(small: Path, open_page: Open) -> None:
    page = open_page(small, java_script_enabled=False)
    assert page.locator("h1").inner_text() == "fix"
    for words in ("fork crashed the kernel", "BUG: KASAN: the text", "written by 1/1 mm: break it", "BUG_ON(x);"):
        assert page.get_by_text(words).first.is_visible(), words
    assert not page.locator(".filter").is_visible()
    page.get_by_text("Post-mortem: who waits for whom").click()
    assert page.get_by_text("who waits for whom: everybody").is_visible()


def test_what_is_closed_on_the_screen_is_printed(small: Path, open_page: Open) -> None:
    page = open_page(small)
    hidden = page.get_by_text("who waits for whom: everybody")
    assert not hidden.is_visible()
    page.emulate_media(media="print")
    assert hidden.is_visible()
    assert not page.locator("nav").is_visible()
    assert page.pdf().startswith(b"%PDF")


def test_the_keyboard_gets_everywhere(small: Path, open_page: Open) -> None:
    page = open_page(small)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    seen = set()
    for _ in range(200):
        page.keyboard.press("Tab")
        seen.add(page.evaluate("document.activeElement.outerHTML.slice(0, 200)"))
    reachable = page.evaluate(
        "[...document.querySelectorAll('a, summary, [tabindex]')].filter((one) => one.checkVisibility("
        "{contentVisibilityAuto: true, visibilityProperty: true})).map((one) => one.outerHTML.slice(0, 200))"
    )
    assert len(reachable) > 20
    assert {*reachable} <= {*seen, page.evaluate("document.querySelector('.skip').outerHTML.slice(0, 200)")}


def test_a_link_opens_what_it_leads_to(small: Path, open_page: Open) -> None:
    page = open_page(small)
    patch = page.locator("#p1")
    patch.locator("summary").click()
    assert not patch.evaluate("one => one.open")
    page.locator("#why").get_by_role("link", name="patch 1").click()
    assert patch.evaluate("one => one.open")


def test_hostile_text_does_nothing(tmp_path: Path, open_page: Open, complaints: list[str]) -> None:
    (tmp_path / HTML).write_bytes(content(hostile_report(HOSTILE)))
    page = open_page(tmp_path / HTML)
    assert page.locator("script").count() == 1
    assert page.locator("img").count() == 0
    assert page.get_by_text("{{ 7*7 }}").count() > 5
    assert complaints == []


def test_a_script_that_got_in_would_not_run(small: Path, open_page: Open, complaints: list[str]) -> None:
    """The policy of the page holds: what it refuses, the browser complains of."""
    small.write_text(small.read_text().replace("<h1>", "<script>document.title = 'owned'</script><h1>"))
    page = open_page(small)
    assert "owned" not in page.title()
    assert any("Content Security Policy" in complaint for complaint in complaints)


@pytest.mark.parametrize("bad", [False, True])
def test_a_run_of_28000_cases_is_usable(bad: bool, tmp_path: Path, open_page: Open, complaints: list[str]) -> None:
    (tmp_path / HTML).write_bytes(content(many(28_000, bad)))
    began = time.monotonic()
    page = open_page(tmp_path / HTML)
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert time.monotonic() - began < LOAD_S
    page.locator(".filter input").fill("case-13999")
    page.locator(".filter output", has_text="1 of 14000 rows").wait_for()
    assert page.locator("#results tbody tr:not([hidden]) th").inner_text() == "ltp.group-139.case-13999"
    assert complaints == []
