"""Encoding is lossless; decoding believes nothing and names the place."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, IntEnum
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator import codec
from orchestrator.model.case import Case, Needs
from orchestrator.model.kernel import Fragment, Kconfig, KernelConfig, Source
from orchestrator.model.machine import Machine
from orchestrator.model.report import Metric
from orchestrator.model.request import Plan, Request
from orchestrator.model.series import Patch, Series


class Size(IntEnum):
    SMALL = 0
    LARGE = 1


class Colour(Enum):
    RED = "the red one"


@dataclass(frozen=True)
class Leaf:
    name: str
    size: Size = Size.SMALL
    colour: Colour = Colour.RED


@dataclass(frozen=True)
class Tree:
    count: int
    ratio: float
    leaves: tuple[Leaf, ...]
    pair: tuple[str, int]
    where: Path
    raw: bytes
    names: frozenset[str]
    best: Leaf | None
    flag: bool = False
    extra: Mapping[str, int] = field(default_factory=dict)


# As Python reads what is no UTF-8: each such byte becomes a lone surrogate, U+DC80..U+DCFF.
FOREIGN = st.binary(min_size=1).map(lambda data: data.decode("utf-8", "surrogateescape").replace("\0", ""))


def trees(text: st.SearchStrategy[str]) -> st.SearchStrategy[Tree]:
    leaves = st.builds(Leaf, name=text, size=st.sampled_from(Size), colour=st.just(Colour.RED))
    return st.builds(
        Tree,
        count=st.integers(),
        ratio=st.floats(allow_nan=False),
        leaves=st.lists(leaves, max_size=3).map(tuple),
        pair=st.tuples(text, st.integers()),
        where=text.filter(lambda name: "\0" not in name).map(Path),
        raw=st.binary(),
        names=st.frozensets(text),
        best=st.none() | leaves,
        flag=st.booleans(),
        extra=st.dictionaries(text, st.integers(), max_size=3),
    )


GOOD = {
    "count": 1,
    "ratio": 2,
    "leaves": [{"name": "a"}],
    "pair": ["x", 3],
    "where": "/tmp",
    "raw": "AA==",
    "names": ["b"],
    "best": None,
}


@given(trees(st.text()))
def test_every_value_survives_json_text(tree: Tree) -> None:
    assert codec.loads(Tree, codec.dumps(tree)) == tree


@given(trees(FOREIGN))
def test_strict_readers_take_what_was_no_text(tree: Tree) -> None:
    text = codec.dumps(tree)
    text.encode("ascii")
    assert codec.dumps(codec.loads(Tree, text)) == text
    small = replace(tree, count=1, pair=("", 1), extra=dict.fromkeys(tree.extra, 1))  # it has no large integers
    assert orjson.loads(codec.dumps(small)) == codec.encode(small)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a\udc80b", r"a\x80b"),
        ("\udcff\udcfe", r"\xff\xfe"),
        ("high \ud83d alone", r"high \ud83d alone"),
        ("\N{GRINNING FACE} \xe9", "\N{GRINNING FACE} \xe9"),
        (r"\x80 \udc80", r"\x80 \udc80"),
    ],
)
def test_lone_surrogates_are_spelled_out_wherever_a_string_is(value: str, expected: str) -> None:
    assert json.loads(codec.dumps(value)) == expected
    assert codec.encode({value: (value, frozenset({value}), Path(value), Leaf(value))}) == {
        expected: [expected, [expected], expected, {"name": expected, "size": "SMALL", "colour": "RED"}]
    }


@pytest.mark.parametrize("value", [math.inf, -math.inf])
def test_floats_without_a_json_number_survive(value: float) -> None:
    assert codec.loads(Metric, codec.dumps(Metric("m", value, "s"))).value == value


def test_nan_survives() -> None:
    assert math.isnan(codec.loads(Metric, codec.dumps(Metric("m", math.nan, "s"))).value)


def test_names_of_enum_members_are_written_not_their_values() -> None:
    assert codec.encode(Leaf("x", Size.LARGE)) == {"name": "x", "size": "LARGE", "colour": "RED"}


def test_sets_are_sorted_so_that_the_text_is_stable() -> None:
    assert codec.encode(frozenset({"b", "a", "c"})) == ["a", "b", "c"]


def test_missing_keys_take_the_default() -> None:
    assert codec.decode(Tree, GOOD) == Tree(1, 2.0, (Leaf("a"),), ("x", 3), Path("/tmp"), b"\0", frozenset({"b"}), None)


def test_what_a_newer_version_added_is_passed_over() -> None:
    newer = {**GOOD, "leaves": [{"name": "a", "age": 3}], "height": 2}
    assert codec.decode(Tree, newer) == codec.decode(Tree, GOOD)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"count": True}, "$.count: expected an integer, got True"),
        ({"count": 1.0}, "$.count: expected an integer, got 1.0"),
        ({"count": None}, "$.count: expected an integer, got nothing"),
        ({"ratio": "1"}, "$.ratio: expected a number, got '1'"),
        ({"ratio": True}, "$.ratio: expected a number, got True"),
        ({"ratio": 10**400}, "$.ratio: expected a number that fits 64 bits"),
        ({"ratio": json.loads("1e999")}, "$.ratio: expected a number that fits 64 bits"),
        ({"leaves": "abc"}, "$.leaves: expected a list, got 'abc'"),
        ({"leaves": [{"name": "a"}, {"name": 3}]}, "$.leaves[1].name: expected a string, got 3"),
        ({"leaves": [{"name": "a", "size": "HUGE"}]}, "$.leaves[0].size: expected one of SMALL, LARGE, got 'HUGE'"),
        ({"leaves": [{"name": "a", "size": 1}]}, "$.leaves[0].size: expected one of"),
        ({"leaves": [{}]}, "$.leaves[0].name: missing key"),
        ({"leaves": [7]}, "$.leaves[0]: expected a mapping, got 7"),
        ({"pair": ["x"]}, "$.pair: Not enough values in ['x']"),
        ({"raw": "no base64!"}, "$.raw: expected base64"),
        ({"raw": "é"}, "$.raw: expected base64"),
        ({"where": 1}, "$.where: expected a string, got 1"),
        ({"flag": 0}, "$.flag: expected true or false, got 0"),
        ({"best": 1}, "$.best: expected a mapping, got 1"),
        ({"extra": {"k": "v"}}, "$.extra.k: expected an integer, got 'v'"),
        ({"extra": []}, "$.extra: expected a mapping, got []"),
        ({"count": "x", "ratio": "y", "flag": 0}, "$.count: expected an integer, got 'x' (and 2 more)"),
    ],
)
def test_wrong_data_is_refused_with_its_place(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=r"^\$") as caught:
        codec.decode(Tree, {**GOOD, **change})
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("text", ["", "{", "[NaN]", "[Infinity]", '{"a": 1, "a": 2}', "[" * 200_000])
def test_text_that_is_not_clean_json_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        codec.parse(text)


def test_a_long_wrong_value_does_not_flood_the_message() -> None:
    with pytest.raises(ValueError, match=r"expected an integer") as caught:
        codec.decode(Tree, {**GOOD, "count": "x" * 10_000})
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("value", [object(), {1: 2}, {1, 2}, 1j, Leaf])
def test_what_cannot_be_written_is_a_type_error(value: object) -> None:
    with pytest.raises(TypeError, match=r"cannot encode|not JSON serializable"):
        codec.dumps(value)


@dataclass(frozen=True)
class Ambiguous:
    value: int | str


def test_a_union_that_does_not_say_the_type_is_a_type_error() -> None:
    with pytest.raises(TypeError, match=r"values of int \| str cannot be decoded"):
        codec.decode(Ambiguous, {"value": 1})


def test_a_plan_with_bytes_and_paths_survives() -> None:
    patch = Patch("p", "s", b"\xff\0diff", "0" * 64, ("mm/mmap.c",))
    fragment = Fragment("base", Path("/k/base.config"), (("CONFIG_MMU", "y"),))
    kconfig = Kconfig("base", (fragment,))
    case = Case("c", "s", Path("/t/c"), ("c.c",), (), 5.0, 15.0, Needs(1, ("SHMEM",)), ())
    machine = Machine("q35", "x86_64", "qemu", (), "bzImage", "virtio", ("panic=-1",), 2, 1024)
    plan = Plan(Request(), Source("/l", "v6"), Series("s", (patch,), "1" * 64), (kconfig,), (case,), machine)
    assert codec.loads(Plan, codec.dumps(plan)) == plan
    config = KernelConfig(Path("/b/.config"), "2" * 64, frozenset({"CONFIG_MMU", "CONFIG_SMP"}))
    assert codec.loads(KernelConfig, codec.dumps(config)) == config
