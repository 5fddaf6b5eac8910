"""The names of busybox' applets, read from the program."""

from __future__ import annotations

import pytest

from orchestrator.parse.busybox import LEAST, applets_of

NAMES = ("[", "[[", *(f"a{number:03}" for number in range(LEAST)))


def program(*names: str, behind: bytes = b"") -> bytes:
    return b"\x7fELF\0\0text [\0[[\0 whatever" + b"".join(name.encode() + b"\0" for name in names) + behind


@pytest.mark.parametrize("behind", [b"", b"\0", b"a000\0more", b"Usage: x\0", b"zz" * 40 + b"\0", b"zzz"])
def test_the_names_end_where_the_next_thing_begins(behind: bytes) -> None:
    assert applets_of(program(*NAMES, behind=behind)) == NAMES


@pytest.mark.parametrize("data", [b"", b"\0[\0[[\0", program("[", "[[", "cat"), b"\0[\0" * 1000])
def test_what_is_no_busybox_is_said(data: bytes) -> None:
    with pytest.raises(ValueError, match="no busybox"):
        applets_of(data)
