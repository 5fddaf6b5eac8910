"""What a dashboard's pages are made of: names, columns, drawings, who may read."""

from __future__ import annotations

import base64
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from orchestrator.dashboard.chart import HEIGHT, HUGE, WIDTH, Point, Span, chart
from orchestrator.dashboard.columns import cell, location, number, section
from orchestrator.dashboard.guard import Guard, check, headers
from orchestrator.dashboard.names import slug
from orchestrator.dashboard.page import Page
from orchestrator.dashboard.show import LIVE, STATIC, as_json, html
from orchestrator.errors import UsageError
from orchestrator.history.questions import Answer
from orchestrator.reporters.summary import Tone
from tests.run_reports import HOSTILE

TOKEN = "0123456789abcdef0123"


@given(st.text())
def test_a_name_in_an_address_is_harmless_and_tells_names_apart(name: str) -> None:
    assert re.fullmatch(r"[a-z0-9-]+", slug(name))
    assert slug(name) == slug(name)
    assert slug(name) != slug(f"{name} ")


def test_a_name_in_an_address_can_be_read() -> None:
    assert slug("KASAN: use-after-free in f").startswith("kasan-use-after-free-in-f-")
    assert len(slug("x" * 1000)) < 64


# --- columns


def test_values_are_shown_by_the_name_of_their_column() -> None:
    row = {"rate": 0.125, "low": 0.05, "high": 0.25, "outcome": "CRASH", "started": "2026-11-28T10:00:07",
           "run": "abc", "series": "v3-fix", "topic": "fix", "last_pass": None, "verdict": "PATCH_AT_FAULT",
           "other": True}  # fmt: skip
    assert (cell("rate", row).text, cell("rate", row).note) == ("12.5 %", "5.0 % to 25.0 %")
    assert (cell("outcome", row).text, cell("outcome", row).tone) == ("CRASH", Tone.DEAD)
    assert (cell("started", row).text, cell("started", row).link) == ("2026-11-28 10:00", f"runs/{slug('abc')}")
    assert cell("series", row).link == f"series/{slug('fix')}"
    assert cell("last_pass", row).text == "-"
    assert cell("verdict", row).text == "the patch is at fault"
    assert cell("verdict", {**row, "series": ""}).text == "the kernel under test fails"
    assert cell("series", {"series": ""}).text == "tip"
    assert cell("other", row).text == "yes"
    assert cell("outcome", {"outcome": "MELTED"}).tone is Tone.UNKNOWN  # of another version


@pytest.mark.parametrize(
    ("value", "shown"), [(0, "0"), (1234567.8, "1,234,568"), (12.345678, "12.35"), (0.00123456, "0.001235"), (7, "7")]
)
def test_numbers_have_the_digits_that_say_something(value: float, shown: str) -> None:
    assert number(value) == shown


@pytest.mark.parametrize(
    "text", ["javascript:alert(1)", "/srv/runs/1", "data:text/html,x", "file:///etc/passwd", " https"]
)
def test_only_the_web_is_linked_to(text: str) -> None:
    assert location(text).url == ""
    assert location("https://ci.example.org/1").url == "https://ci.example.org/1"


# --- HTML and JSON


def hostile_page() -> Page:
    names = ("test", "series", "tree", "title", "location", "reason", "started", "run", "host", "kernel")
    data = Answer(names, (tuple(f"{HOSTILE}{name}" for name in names),))
    made = section("one", HOSTILE, data, ", ".join(names), words=HOSTILE)
    drawn = chart(HOSTILE, [Point(HOSTILE, 1.0, HOSTILE), Point("2", 2.0, HOSTILE)], str, breaks=[(1, HOSTILE)])
    return Page("tests/x", HOSTILE, (made, section("two", HOSTILE, data, "test", chart=drawn)), HOSTILE)


@pytest.mark.parametrize("look", [LIVE, STATIC])
def test_hostile_text_stays_text(look: object) -> None:
    text = html(hostile_page(), look).decode()  # type: ignore[arg-type]
    assert text.count("<script>") == 1
    assert "<img" not in text
    assert "{{ 7*7 }}" in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert " onerror=alert" not in re.sub(r"&lt;.*?&gt;", "", text)
    assert "style=" not in text.split("</style>")[1]
    assert as_json(hostile_page(), {}).isascii()


def test_the_policy_has_nothing_unsafe() -> None:
    for look in (LIVE, STATIC):
        assert "unsafe" not in look.policy
        assert look.policy.startswith("default-src 'none'")
    assert headers(LIVE.policy)["Content-Security-Policy"].endswith("frame-ancestors 'none'")


def test_forms_are_where_somebody_answers() -> None:
    from orchestrator.dashboard.page import Field

    page = Page("index", "x", (), fields=(Field("since", "Since", "2026"),))
    assert b'<form class="ask"' in html(page, LIVE)
    assert b"<form" not in html(page, STATIC)


def test_links_are_relative_to_the_page() -> None:
    data = Answer(("test",), (("fork",),))
    for path, link in (("tests", "tests/"), ("titles/x", "../tests/")):
        text = html(Page(path, "x", (section("one", "One", data, "test"),)), LIVE).decode()
        assert f'href="{link}{slug("fork")}.html"' in text


def test_a_long_table_is_cut_and_its_json_is_not() -> None:
    data = Answer(("test",), tuple((f"case-{at}",) for at in range(250)))
    page = Page("tests", "x", (section("one", "One", data, "test"),))
    assert page.sections[0].left_out == 150
    assert b"and 150 more" in html(page, LIVE)
    assert as_json(page, {}).count(b'"test"') == 250


# --- drawings


def test_points_lie_where_their_values_are() -> None:
    made = chart("x", [Point("2026-11-01T00:00:00", 0.0), Point("2026-11-02T00:00:00", 50.0),
                       Point("2026-11-05T00:00:00", 100.0)], str, spans=[Span(0, 3, 50.0, 40.0, 60.0)])  # fmt: skip
    assert made
    xs, ys = [dot.x for dot in made.dots], [dot.y for dot in made.dots]
    assert (xs[1] - xs[0]) * 3 == pytest.approx(xs[2] - xs[1], abs=0.5)
    assert ys[0] - ys[1] == pytest.approx(ys[1] - ys[2], abs=0.2)
    (box,) = made.boxes
    assert box.top < box.y < box.top + box.height


@example([1.7120886998671602e308, 1.7120886998688722e308], False)
@example([1e300, -1e300], True)
@example([0.0, float("nan")], False)
@given(st.lists(st.floats(), min_size=2, max_size=20), st.booleans())
def test_any_figures_are_drawn_inside_or_not_at_all(values: list[float], with_dates: bool) -> None:
    moments = [f"2026-11-{at:02d}T02:00:00" if with_dates else "" for at in range(1, len(values) + 1)]
    made = chart("x", [Point(moment, value) for moment, value in zip(moments, values, strict=True)], str)
    if made is None:
        assert not all(abs(value) <= HUGE for value in values)
        return
    assert all(0 <= dot.x <= WIDTH and 0 <= dot.y <= HEIGHT for dot in made.dots)
    assert 2 <= len(made.ticks) <= 12


def test_one_point_is_no_drawing() -> None:
    assert chart("x", [Point("2026-11-01T00:00:00", 1.0)], str) is None


# --- who may read


@pytest.mark.parametrize("host", ["127.0.0.1:8321", "localhost", "localhost:1", "[::1]:8321", "127.9.9.9"])
def test_without_a_token_this_machine_reads(host: str) -> None:
    assert Guard().allows(host, "")


@pytest.mark.parametrize(
    "host", ["", "evil.example.org", "evil.example.org:8321", "localhost.evil.org", "192.0.2.1", "0.0.0.0"]
)
def test_a_name_that_points_here_is_not_this_machine(host: str) -> None:
    assert not Guard().allows(host, "")


def test_with_a_token_those_who_have_it_read() -> None:
    guard = Guard(TOKEN)
    basic = base64.b64encode(f"anybody:{TOKEN}".encode()).decode()
    for given_words in (f"Bearer {TOKEN}", f"bearer {TOKEN}", f"Basic {basic}"):
        assert guard.allows("ci.example.org", given_words)
    bad = ("", TOKEN, f"Bearer {TOKEN}x", "Bearer ", "Basic !!", "Basic /w==",
           f"Basic {base64.b64encode(b'x:').decode()}", f"Digest {TOKEN}", "Bearer \udcff")  # fmt: skip
    for given_words in bad:
        assert not guard.allows("localhost", given_words)


def test_no_address_of_others_without_a_token() -> None:
    check("127.0.0.1", "")
    check("::1", "")
    check("0.0.0.0", TOKEN)
    for host in ("0.0.0.0", "::", "192.0.2.1", "ci.example.org", ""):
        with pytest.raises(UsageError, match="token"):
            check(host, "")
    for token in ("short", "with a blank in it 0123", "ümlaut0123456789abcd"):
        with pytest.raises(UsageError, match="token"):
            check("127.0.0.1", token)
