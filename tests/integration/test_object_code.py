"""Which objects are the same code, as gcc makes them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from orchestrator.evidence.object_code import code_digest

SOURCE = """
#define GLUE(a, b) a##b
#define NAME(a, b) GLUE(a, b)
#define UNIQUE(name) NAME(name, __COUNTER__)
extern void put(int *), get(int *);
%(before)s
static int UNIQUE(one), other;
static void __attribute__((noinline)) UNIQUE(work)(int *at) { %(lock)s(at); *at %(set)s; }
void begin(int more) {
	int *at = &%(at)s;
	asm(".pushsection __bug_table,\\"a\\"\\n.long %%c0\\n.popsection" : : "i"(__LINE__));
	get(at);
	if (more > %(limit)d) put(at);
	%(name)s(at);
	other++;
}
"""
PLAIN = {"before": "", "lock": "get", "set": "= 7", "at": "other", "limit": 5, "name": "work1"}


def digest(where: Path, **changes: object) -> str:
    (where / "it.c").write_text(SOURCE % {**PLAIN, **changes})
    subprocess.run(["gcc", "-O2", "-c", "-o", where / "it.o", where / "it.c"], check=True)
    return code_digest(where / "it.o")


def test_names_that_are_counted_up_and_lines_make_no_difference(tmp_path: Path) -> None:
    plain = digest(tmp_path)
    assert digest(tmp_path, before="\n\n/* a line, and two */\n") == plain
    assert digest(tmp_path, before="enum { UNIQUE(nothing) };", name="work2") == plain


@pytest.mark.parametrize(
    "changes",
    [
        {"lock": "put"},
        {"set": "= 8"},
        {"limit": 6},
        {"before": "int more_data;"},
        {"before": 'static const char *const word = "x"; const char *say(void) { return word; }'},
    ],
)
def test_other_code_and_other_data_do(tmp_path: Path, changes: dict[str, object]) -> None:
    assert digest(tmp_path, **changes) != digest(tmp_path)


def test_another_variable_of_the_same_object_does(tmp_path: Path) -> None:
    """Both are local: only their places differ."""
    assert digest(tmp_path, at="one0") != digest(tmp_path)


def test_what_is_no_object_has_the_digest_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("no object")
    (tmp_path / "b").write_text("no object either")
    assert code_digest(tmp_path / "a") != code_digest(tmp_path / "b")
