"""Encoding is lossless; decoding believes nothing and names the place."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator import codec
from orchestrator.model.case import Case, Needs
from orchestrator.model.kernel import Fragment, Kconfig, KernelConfig, Role
from orchestrator.model.machine import Machine
from orchestrator.model.report import Metric
from orchestrator.model.request import Plan, Request, Suite
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


# Bytes that are no UTF-8 become U+DC80..U+DCFF under surrogateescape; a high surrogate never comes from there.
TEXT = st.text(
    st.one_of(st.characters(exclude_categories=["Cs"]), st.characters(min_codepoint=0xDC80, max_codepoint=0xDCFF))
)
LEAVES = st.builds(Leaf, name=TEXT, size=st.sampled_from(Size), colour=st.just(Colour.RED))
TREES = st.builds(
    Tree,
    count=st.integers(),
    ratio=st.floats(allow_nan=False),
    leaves=st.lists(LEAVES, max_size=3).map(tuple),
    pair=st.tuples(TEXT, st.integers()),
    where=TEXT.filter(lambda text: "\0" not in text).map(Path),
    raw=st.binary(),
    names=st.frozensets(TEXT),
    best=st.none() | LEAVES,
    flag=st.booleans(),
    extra=st.dictionaries(TEXT, st.integers(), max_size=3),
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


@given(TREES)
def test_every_value_survives_json_text(tree: Tree) -> None:
    assert codec.loads(Tree, codec.dumps(tree)) == tree
    assert codec.loads(Tree, codec.canonical(tree)) == tree


@given(TREES)
def test_encoded_data_is_ascii_json_that_any_reader_takes(tree: Tree) -> None:
    text = codec.dumps(tree)
    text.encode("ascii")
    assert json.loads(text) == codec.encode(tree)


@pytest.mark.parametrize("value", [math.inf, -math.inf])
def test_floats_without_a_json_number_survive(value: float) -> None:
    assert codec.loads(Metric, codec.dumps(Metric("m", value, "s"))).value == value


def test_nan_survives() -> None:
    assert math.isnan(codec.loads(Metric, codec.dumps(Metric("m", math.nan, "s"))).value)


def test_names_of_enum_members_are_written_not_their_values() -> None:
    assert codec.encode(Leaf("x", Size.LARGE)) == {"name": "x", "size": "LARGE", "colour": "RED"}


def test_sets_are_sorted_so_that_the_text_is_stable() -> None:
    assert codec.encode(frozenset({"b", "a", "c"})) == ["a", "b", "c"]


def test_canonical_text_does_not_depend_on_the_order_of_keys() -> None:
    assert codec.canonical({"b": 1, "a": 2}) == codec.canonical({"a": 2, "b": 1}) == '{"a":2,"b":1}'


def test_missing_keys_take_the_default() -> None:
    assert codec.decode(Tree, GOOD) == Tree(1, 2.0, (Leaf("a"),), ("x", 3), Path("/tmp"), b"\0", frozenset({"b"}), None)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"count": True}, "$.count: expected an integer, got True"),
        ({"count": 1.0}, "$.count: expected an integer, got 1.0"),
        ({"count": None}, "$.count: expected an integer, got None"),
        ({"ratio": "1"}, "$.ratio: expected a number, got '1'"),
        ({"ratio": True}, "$.ratio: expected a number, got True"),
        ({"ratio": 10**400}, "$.ratio: expected a number that fits 64 bits"),
        ({"leaves": "abc"}, "$.leaves: expected an array, got 'abc'"),
        ({"leaves": [{"name": "a"}, {"name": 3}]}, "$.leaves[1].name: expected a string, got 3"),
        ({"leaves": [{"name": "a", "size": "HUGE"}]}, "$.leaves[0].size: expected one of SMALL, LARGE, got 'HUGE'"),
        ({"leaves": [{"name": "a", "size": 1}]}, "$.leaves[0].size: expected one of"),
        ({"leaves": [{}]}, "$.leaves[0].name: missing key of Leaf"),
        ({"leaves": [7]}, "$.leaves[0]: expected an object (Leaf), got 7"),
        ({"pair": ["x"]}, "$.pair: expected 2 items"),
        ({"raw": "no base64!"}, "$.raw: expected base64"),
        ({"raw": "é"}, "$.raw: expected base64"),
        ({"where": 1}, "$.where: expected a string, got 1"),
        ({"flag": 0}, "$.flag: expected true or false, got 0"),
        ({"best": 1}, "$.best: expected an object (Leaf), got 1"),
        ({"extra": {"k": "v"}}, "$.extra.k: expected an integer, got 'v'"),
        ({"extra": []}, "$.extra: expected an object, got []"),
        ({"colour": "RED"}, "$.colour: unknown key of Tree; known: count, ratio"),
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
    with pytest.raises(TypeError, match="cannot encode"):
        codec.encode(value)


@dataclass(frozen=True)
class Ambiguous:
    value: int | str


def test_a_union_that_does_not_say_the_type_is_a_type_error() -> None:
    with pytest.raises(TypeError, match=r"only `X \| None`"):
        codec.decode(Ambiguous, {"value": 1})


def test_a_plan_with_bytes_and_paths_survives() -> None:
    patch = Patch("p", "s", b"\xff\0diff", "0" * 64, ("mm/mmap.c",))
    fragment = Fragment("base", Path("/k/base.config"), (("CONFIG_MMU", "y"),))
    suite = Suite(Kconfig("base", (fragment,)), Role.PATCHED)
    case = Case("c", "s", Path("/t/c"), ("c.c",), (), 5.0, 15.0, Needs(1, ("SHMEM",)), ())
    machine = Machine("q35", "x86_64", "qemu", (), "bzImage", "virtio", ("panic=-1",), 2, 1024)
    plan = Plan(Request(), Series("s", (patch,), "1" * 64), (suite,), (case,), machine, "auto")
    assert codec.loads(Plan, codec.dumps(plan)) == plan
    config = KernelConfig(Path("/b/.config"), "2" * 64, frozenset({"CONFIG_MMU", "CONFIG_SMP"}))
    assert codec.loads(KernelConfig, codec.dumps(config)) == config
