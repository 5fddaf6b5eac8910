"""Patches whose lines a mail client wrapped: joined where only that can be meant, else named."""

from __future__ import annotations

import textwrap

import pytest

from orchestrator.errors import PatchUnreadable
from orchestrator.model.series import Series
from orchestrator.parse.patches.series import read_patches

LONG = "+\tif (vma_start_write_killable(vma, mapping_flags) && atomic_read(&vma->vm_refcnt) > 1)"
LAST = "+\t\treturn userfaultfd_remove_range_and_wake_all_of_them(ctx, start, end, VM_SHARED);"
DIFF = f"""--- a/mm/mmap.c
+++ b/mm/mmap.c
@@ -10,3 +10,5 @@ static int f(void)
 {{
 \tint a;
 \tint b;
{LONG}
{LAST}
@@ -40,2 +42,2 @@
 \tint b;
-\tint c;
+\tint d;
"""
HEAD = "From: A <a@example.org>\nSubject: [PATCH] mm: x\n"


def wrapped(text: str, width: int = 76, *, keeps_space: bool = False) -> str:
    """As a client does to text that it takes for prose."""
    lines: list[str] = []
    for line in text.split("\n"):
        parts = textwrap.wrap(line, width, expand_tabs=False, replace_whitespace=False, drop_whitespace=False)
        lines += [part if keeps_space else part.rstrip(" ") for part in parts] or [""]
    return "\n".join(lines)


def read(text: str) -> Series:
    return read_patches([("x.patch", text.encode())])


@pytest.mark.parametrize("keeps_space", [True, False])
@pytest.mark.parametrize("behind", ["", "-- \n2.39.5\n"])
def test_lines_that_a_client_wrapped_are_joined_and_named(behind: str, keeps_space: bool) -> None:
    text = f"{HEAD}\nWhy.\n---\n{wrapped(DIFF, keeps_space=keeps_space)}{behind}"
    assert len(text.split("\n")) == len(f"{HEAD}\nWhy.\n---\n{DIFF}{behind}".split("\n")) + 2
    found = read(text)
    assert found.patches[0].diff.decode() == DIFF
    assert "x.patch: lines 12, 14 were wrapped by a mail client: joined with what follows" in found.notes


def test_a_heading_of_a_hunk_may_be_wrapped_too() -> None:
    heading = "static long userfaultfd_ioctl_of_something(struct userfaultfd_ctx *ctx, unsigned int cmd)"
    whole = DIFF.replace("static int f(void)", heading)
    assert read(wrapped(whole)).patches[0].diff.decode() == whole


def test_an_error_behind_joined_lines_names_the_line_of_the_file() -> None:
    with pytest.raises(PatchUnreadable) as caught:
        read(wrapped(DIFF).replace("+\tint d;", "?"))
    assert caught.value.message.startswith("x.patch:14: ")


@pytest.mark.parametrize(
    "text",
    [
        DIFF.replace(LONG, "+\tif (a)\nb)"),  # there was room for more
        DIFF.replace(LONG, f"+{'x ' * 200}\ny"),  # no client wraps there
    ],
)
def test_what_may_be_other_damage_is_an_error_with_its_line(text: str) -> None:
    with pytest.raises(PatchUnreadable, match=r"x\.patch:8: mm/mmap\.c: hunk") as caught:
        read(text)
    assert "wrapped" in caught.value.hint


def test_a_footer_behind_the_last_hunk_is_no_rest_of_a_line() -> None:
    whole = f"{DIFF.partition('@@ -40')[0]}____________________\nlist mailing list\n"
    assert read(whole).patches[0].diff.decode() == DIFF.partition("@@ -40")[0]


def test_quoted_printable_without_its_header_is_named() -> None:
    text = DIFF.replace(LONG, f"{LONG[:74]}=\n{LONG[74:]}")
    with pytest.raises(PatchUnreadable, match=r"x\.patch:7: quoted-printable text that was not decoded"):
        read(text)
