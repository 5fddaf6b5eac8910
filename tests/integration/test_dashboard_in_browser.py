"""The dashboard in a real browser: Debian's chromium."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from orchestrator.dashboard.names import slug
from orchestrator.history.database import open_database
from orchestrator.history.keep import keep
from orchestrator.history.rows import rows_of
from tests.integration.browser import LOOKS, Open, chromium, needs_chromium, pages
from tests.integration.dashboards import dashboard
from tests.run_reports import HOSTILE, hostile_report

pytestmark = needs_chromium
KERNEL = f"matrix/{slug('base.x86_64.gcc-12')}.html"
METRIC = f"metrics/{slug('scale faults')}.html"
PAGES = ("", "trees.html", "series.html", "tests.html", "titles.html", "metrics.html", "mutation.html", "coverage.html",
         "machines.html", "runs.html", "known.html", KERNEL, METRIC, f"series/{slug('vm-refcnt')}.html",
         f"tests/{slug('fork-fault')}.html", f"runs/{slug(f'{239:032x}')}.html")  # fmt: skip
LARGE = ("", "runs.html", "mutation.html", KERNEL, METRIC, PAGES[-1])


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as made:
        yield made


@pytest.fixture
def complaints() -> list[str]:
    return []


@pytest.fixture
def open_page(browser: Browser, complaints: list[str]) -> Iterator[Open]:
    with pages(browser, complaints) as open_it:
        yield open_it


@pytest.fixture(scope="module")
def address(history: Path) -> Iterator[str]:
    with dashboard(str(history)) as made:
        yield made


# axe takes seconds for a page; looks differ in their style alone
LOOKED_AT = [(look, path) for look in LOOKS for path in (PAGES if look.id == "light" else LARGE)]


@pytest.mark.parametrize(
    ("look", "path"),
    [pytest.param(*look.values, path, id=f"{look.id}-{path or 'index.html'}") for look, path in LOOKED_AT],
)
def test_a_page_fits_the_screen_and_axe_finds_nothing(
    look: dict[str, object], path: str, address: str, open_page: Open, complaints: list[str]
) -> None:
    page = open_page(f"{address}/{path}", bypass_csp=True, **look)  # axe is a script, which the page refuses otherwise
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    width = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width[0] <= width[1]
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert complaints == []


def test_from_what_is_new_to_the_run_by_clicks(address: str, open_page: Open, complaints: list[str]) -> None:
    page = open_page(f"{address}/")
    page.get_by_role("link", name="Began to fail").click()
    assert page.url.endswith("#fails")
    page.locator("#fails tbody th a", has_text="fork-fault").first.click()
    assert page.locator("h1").inner_text() == "fork-fault"
    page.locator("#reports tbody th a", has_text="KASAN").first.click()
    assert page.locator("h1").inner_text() == "KASAN: use-after-free in vma_start_read"
    page.locator("#reports tbody th a").first.click()
    assert page.locator("h1").inner_text().startswith("Run of 2026-08-")
    assert page.locator("#bad").get_by_text("CRASH").is_visible()
    page.get_by_role("navigation").get_by_role("link", name="New", exact=True).click()
    assert page.locator("h1").inner_text() == "What is new"
    page.get_by_role("link", name="this page as JSON").click()
    assert '"sections"' in page.inner_text("body")
    assert [one for one in complaints if not one.startswith(f"asks for {address}/")] == []


def test_filters_are_in_the_address(address: str, open_page: Open, complaints: list[str]) -> None:
    page = open_page(f"{address}/{KERNEL}")
    assert page.locator("tbody th", has_text="vma-reuse").count() == 0
    page.locator("select[name=all]").select_option("1")
    page.locator("select[name=sort]").select_option("name")
    page.get_by_label("Runs", exact=True).fill("10")
    page.get_by_role("button", name="Show").click()
    assert "all=1" in page.url
    assert "runs=10" in page.url
    names = page.locator("tbody th").all_inner_texts()
    assert names == sorted(names)
    assert "vma-reuse" in names
    assert page.locator("select[name=sort]").input_value() == "name"
    page.goto(f"{address}/runs.html")
    page.locator("select[name=verdict]").select_option("PATCH_AT_FAULT")
    page.get_by_role("button", name="Show").click()
    assert {*page.locator("tbody td:nth-child(4)").all_inner_texts()} <= {
        "the patch is at fault", "the kernel under test fails",
    }  # fmt: skip
    assert [one for one in complaints if not one.startswith(f"asks for {address}/")] == []


def test_rows_are_searched_while_one_types(address: str, open_page: Open) -> None:
    page = open_page(f"{address}/metrics.html")
    page.locator(".filter input").fill("scale kasan")
    page.locator(".filter output", has_text="2 of").wait_for()
    assert {*page.locator("#results tbody tr:not([hidden]) th").all_inner_texts()} == {"scale"}


def test_without_script_everything_can_be_read(address: str, open_page: Open) -> None:
    page = open_page(f"{address}/{METRIC}", java_script_enabled=False)
    assert page.locator("svg").first.is_visible()
    assert page.locator("svg text.break").first.text_content().startswith("-1")  # type: ignore[union-attr]
    table = page.locator("#line-1 details")
    table.locator("summary").click()
    assert table.locator("tbody tr").first.is_visible()


def test_the_drawing_and_its_table_have_the_same_figures(address: str, open_page: Open) -> None:
    page = open_page(f"{address}/{METRIC}")
    dots = page.locator("#line-1 svg circle title").all_text_contents()
    page.locator("#line-1 summary").click()
    rows = page.locator("#line-1 tbody tr").evaluate_all(
        "rows => rows.map((row) => `${row.cells[0].innerText}: ${row.cells[1].innerText}`)"
    )
    assert dots == rows[::-1]


def test_it_can_be_printed(address: str, open_page: Open) -> None:
    page = open_page(f"{address}/{METRIC}")
    page.emulate_media(media="print")
    assert not page.locator("nav").is_visible()
    assert page.locator("#line-1 tbody tr").first.is_visible()
    assert page.pdf().startswith(b"%PDF")


def test_the_keyboard_gets_everywhere(address: str, open_page: Open) -> None:
    page = open_page(f"{address}/series.html")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    seen = {page.evaluate("document.activeElement.outerHTML.slice(0, 200)")}
    for _ in range(80):
        page.keyboard.press("Tab")
        seen.add(page.evaluate("document.activeElement.outerHTML.slice(0, 200)"))
    reachable = page.evaluate(
        "[...document.querySelectorAll('a, summary, input, select, button, [tabindex]')].filter((one) => "
        "one.checkVisibility()).map((one) => one.outerHTML.slice(0, 200))"
    )
    assert len(reachable) > 20
    assert {*reachable} <= seen


def test_hostile_text_does_nothing(tmp_path: Path, open_page: Open, complaints: list[str]) -> None:
    database = open_database(str(tmp_path / "h.db"), create=True)
    keep(database, rows_of("hostile", hostile_report(HOSTILE), location=f"javascript:alert(1){HOSTILE}"))
    with dashboard(str(tmp_path / "h.db")) as address:
        page = open_page(f"{address}/")
        for path in ("", "tests.html", "titles.html", "series.html", f"runs/{slug('hostile')}.html"):
            page.goto(f"{address}/{path}")
            assert page.locator("script").count() == 1
            assert page.locator("img").count() == 0
        assert page.get_by_text("{{ 7*7 }}").count() > 3
        assert [one for one in complaints if not one.startswith(f"asks for {address}/")] == []


def test_a_script_that_got_in_would_not_run(address: str, open_page: Open, complaints: list[str]) -> None:
    """The policy holds: what it refuses, the browser complains of."""
    page = open_page(f"{address}/")
    page.evaluate(
        "document.body.insertAdjacentHTML('beforeend', '<p onclick=\"document.title = 1\" style=\"color: red\">x</p>')"
    )
    assert any("Content Security Policy" in one for one in complaints)
