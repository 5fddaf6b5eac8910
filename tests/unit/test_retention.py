"""What of the disk may go: never what is in use, always the oldest first, and the inner before the outer."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import UsageError
from orchestrator.storage.retention import DAY_S, IN_USE_S, Item, Kind, Policy, by_kind, chosen, parse_size, show_size

NOW = 1_000 * DAY_S
GIB = 1 << 30


def item(name: str, days: float, size: int = GIB, keep: str = "", kind: Kind = Kind.RUN) -> Item:
    return Item(kind, Path("/cache") / name, NOW - days * DAY_S, size, keep)


def names(items: tuple[Item, ...]) -> list[str]:
    return [str(item.path.relative_to("/cache")) for item in items]


def test_what_is_old_goes_the_oldest_first() -> None:
    items = [item("new", 1), item("old", 20), item("older", 30), item("kept", 40, keep="a run is at work in it")]
    assert names(chosen(items, Policy(keep_days=14), NOW)) == ["older", "old"]


def test_a_size_takes_more_until_so_much_is_left() -> None:
    items = [item("a", 1), item("b", 2), item("c", 3), item("d", 4)]
    assert names(chosen(items, Policy(keep_days=14, max_bytes=2 * GIB), NOW)) == ["d", "c"]
    assert names(chosen(items, Policy(keep_days=14, max_bytes=4 * GIB), NOW)) == []


def test_what_stays_counts_for_the_size() -> None:
    items = [item("held", 9, 10 * GIB, keep="a run is at work in it"), item("a", 1), item("b", 2)]
    assert names(chosen(items, Policy(keep_days=14, max_bytes=10 * GIB), NOW)) == ["b", "a"]


def test_what_was_used_just_now_stays_whatever_is_asked_for() -> None:
    items = [item("now", 0), item("today", IN_USE_S / DAY_S - 0.01), item("before", IN_USE_S / DAY_S + 0.01)]
    assert names(chosen(items, Policy(keep_days=0, max_bytes=0), NOW)) == ["before"]


def test_only_the_kinds_that_are_asked_for_go() -> None:
    items = [item("run", 20), item("ccache", 20, kind=Kind.CCACHE)]
    assert names(chosen(items, Policy(14, kinds=[Kind.CCACHE]), NOW)) == ["ccache"]


def test_an_outer_one_goes_only_behind_all_that_is_inside() -> None:
    base, tree, build = (
        item("base", 20, kind=Kind.BASE),
        item("base/patched", 20, kind=Kind.WORKTREE),
        item("base/patched/.build-base", 20, kind=Kind.BUILD),
    )
    assert names(chosen([base, tree, build], Policy(14), NOW)) == [
        "base/patched/.build-base",
        "base/patched",
        "base",
    ]
    held = Item(build.kind, build.path, build.used, build.size, keep="a run is at work in it")
    assert chosen([base, tree, held], Policy(14), NOW) == ()
    assert chosen([base, tree, build], Policy(14, kinds=[Kind.BASE]), NOW) == ()


PATHS = [Path("/cache", *parts) for parts in ("a", "b", "ab", "abc", "ba", "c")]
ITEMS = st.builds(
    lambda path, days, size, is_kept: Item(Kind.RUN, path, NOW - days * DAY_S, size, "held" if is_kept else ""),
    st.sampled_from(PATHS),
    st.floats(0, 100),
    st.integers(0, 100),
    st.booleans(),
)


@given(st.lists(ITEMS, unique_by=lambda item: item.path), st.floats(0, 60), st.none() | st.integers(0, 300))
def test_whatever_there_is(items: list[Item], keep_days: float, max_bytes: int | None) -> None:
    going = chosen(items, Policy(keep_days, max_bytes), NOW)
    for number, gone in enumerate(going):
        assert not gone.keep
        assert gone.used < NOW - IN_USE_S
        inside = [other for other in items if gone.path in other.path.parents]
        assert all(other in going[:number] for other in inside)
    left = sum(item.size for item in items if item not in going)
    over = max_bytes is not None and left > max_bytes
    for stays in set(items) - set(going):
        is_inside_out = any(other not in going for other in items if stays.path in other.path.parents)
        used = max(other.used for other in items if stays.path in (other.path, *other.path.parents))
        is_young = used >= NOW - max(IN_USE_S, 0 if over else keep_days * DAY_S)
        assert stays.keep or is_inside_out or is_young


def test_sums() -> None:
    items = [item("c", 1, 5, kind=Kind.CCACHE), item("a", 1, 3), item("b", 1, 4)]
    assert list(by_kind(items).items()) == [(Kind.RUN, (2, 7)), (Kind.CCACHE, (1, 5))]


@pytest.mark.parametrize(
    ("text", "size"),
    [("0", 0), ("7", 7), ("1K", 1024), ("1.5k", 1536), ("20G", 20 * GIB), ("20 GiB", 20 * GIB), ("1TB", 1024 * GIB)],
)
def test_sizes_are_read(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "G", "-1G", "1X", "1,5G", "1e9", "ten"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="not a size"):
        parse_size(text)


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (20 * GIB, "20 GiB"), (1 << 60, "1048576 TiB")]
)
def test_sizes_are_shown(size: int, text: str) -> None:
    assert show_size(size) == text
