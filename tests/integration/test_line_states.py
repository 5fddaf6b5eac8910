"""The state of each changed line, with line tables that the host's gcc made: compiled, optimised, left out, moved."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Collection, Mapping
from pathlib import Path

import pytest

from orchestrator.errors import VmlinuxUnreadable
from orchestrator.evidence.coverage import functions, line_table
from orchestrator.evidence.coverage.elf import Sections, read_sections
from orchestrator.evidence.coverage.judge import coverage
from orchestrator.evidence.coverage.line_table import Row, read_line_table
from orchestrator.evidence.coverage.mapping import Kernel, changed_statements
from orchestrator.model.coverage import ChangedFile, ChangedStatement, CodeMap, LineState
from orchestrator.parse.code.changed_lines import ChangedLines

HEADER = """\
static inline int often(volatile int *at)
{
	*at += 7;
	return *at;
}

static inline int unused(int a)
{
	return a + 1;
}

#define TWICE(x) ({ \\
	(x) + (x);  \\
})

struct pair {
	int one;
};
"""
CODE = """\
#include "mm.h"

extern volatile int value, other;
extern int fails(void);

int caller_1(void) { return often(&value) * 3; }
int caller_2(void) { return often(&value) * 4; }
int caller_3(void) { return often(&value) * 5; }
int caller_4(void) { return often(&value) * 6; }
int caller_5(void) { return often(&value) * 7; }

#ifdef CONFIG_NUMA
int numa(void)
{
	return value;
}
#else
int flat(int a)
{
	int local;
	const int one = 1;

	local = TWICE(a);
	if (0)
		value = 99;
	if (fails() &&
			value == 3)
		return -1;

	for (local = 0;
			local < 3;
			local++)
		value =
			other;
	goto out;
out:
	return value + one;
}
#endif

static int __attribute__((cold)) only_in_an_error_path(void)
{
	value = 0;
	return -1;
}

int entry(void)
{
	if (fails())
		return only_in_an_error_path();
	return 0;
}
"""
MAIN = '#include "mm.h"\nvolatile int value, other;\nint fails(void) { return value; }\nint entry(void);\n'
MAIN += "int main(void) { return entry(); }\n"
OUTSIDE = "mm/mempolicy.c"


def build(where: Path, *flags: str, code: str = CODE) -> Path:
    """A program in a tree, from a build directory inside of it, as Kbuild does."""
    (where / "mm").mkdir(parents=True)
    (where / ".build").mkdir()
    for name, text in (("mm.h", HEADER), ("memory.c", code), ("main.c", MAIN)):
        (where / "mm" / name).write_text(text)
    words = ["gcc", "-O2", "-g", "-no-pie", *flags, "-o", "vmlinux", "../mm/memory.c", "../mm/main.c"]
    subprocess.run(words, cwd=where / ".build", check=True)
    return where / ".build/vmlinux"


def code_map(vmlinux: Path, texts: Mapping[str, str], symbols: Collection[str] = ()) -> Mapping[str, ChangedFile]:
    """Everything in these files is new."""
    sections = read_sections(vmlinux, (*line_table.SECTIONS, *functions.SECTIONS))
    table = read_line_table(sections, texts)
    rows: dict[str, list[Row]] = {file: [] for file in table.files}
    for row in table.rows:
        rows[row.file].append(row)
    kernel = Kernel(rows, functions.Functions(sections).at, symbols, lambda file: f"nothing builds {file}")
    return {
        file: ChangedFile(file, changed_statements(file, text, ChangedLines(whole(text)), kernel))
        for file, text in texts.items()
    }


def whole(text: str) -> frozenset[int]:
    return frozenset(range(1, text.count("\n") + 1))


def statement(file: ChangedFile, words: str) -> ChangedStatement:
    return next(one for one in file.statements if words in one.text)


@pytest.fixture(
    scope="module", params=["-gdwarf-5", "-gdwarf-4", "-gdwarf-5 -gz=zlib", "-gdwarf-5 -gno-as-loc-support"]
)
def files(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, ChangedFile]:
    vmlinux = build(tmp_path_factory.mktemp("tree") / "t", *request.param.split())
    return code_map(vmlinux, {"mm/mm.h": HEADER, "mm/memory.c": CODE, OUTSIDE: "int f(void)\n{\n\treturn 1;\n}\n"})


def test_an_inline_has_a_copy_in_each_caller(files: Mapping[str, ChangedFile]) -> None:
    found = statement(files["mm/mm.h"], "*at += 7;")
    assert found.state is LineState.NEVER_HIT
    assert [copy.function for copy in found.copies] == [f"caller_{number}" for number in range(1, 6)]
    assert all(copy.addresses for copy in found.copies)


def test_what_nothing_uses_is_not_compiled(files: Mapping[str, ChangedFile]) -> None:
    found = statement(files["mm/mm.h"], "return a + 1;")
    assert (found.state, found.why) == (LineState.NOT_COMPILED, "nothing in this kernel uses unused()")


def test_a_macro_has_no_code_and_its_use_has(files: Mapping[str, ChangedFile]) -> None:
    macro = statement(files["mm/mm.h"], "#define TWICE")
    assert (macro.line, macro.last_line, macro.state) == (12, 14, LineState.NO_CODE)
    assert "counts where it is used" in macro.why


def test_a_line_behind_an_unset_symbol_says_which(files: Mapping[str, ChangedFile]) -> None:
    found = statement(files["mm/memory.c"], "int numa(void)")
    assert (found.state, found.why) == (LineState.NOT_COMPILED, "CONFIG_NUMA is not set")


def test_a_file_that_is_not_built_says_why(files: Mapping[str, ChangedFile]) -> None:
    found = statement(files[OUTSIDE], "return 1;")
    assert (found.state, found.why) == (LineState.NOT_COMPILED, f"nothing builds {OUTSIDE}")


def test_a_dead_line_is_optimised_away(files: Mapping[str, ChangedFile]) -> None:
    assert statement(files["mm/memory.c"], "value = 99;").state is LineState.OPTIMISED


def test_an_error_path_is_compiled(files: Mapping[str, ChangedFile]) -> None:
    found = statement(files["mm/memory.c"], "value = 0;")
    assert found.state is LineState.NEVER_HIT
    assert found.function == "only_in_an_error_path"


@pytest.mark.parametrize("words", ["int local;", "struct pair {", "extern volatile", "#else", "out:"])
def test_what_has_no_code(files: Mapping[str, ChangedFile], words: str) -> None:
    found = next(one for file in files.values() for one in file.statements if words in one.text)
    assert found.state is LineState.NO_CODE, found


def test_continuation_lines_belong_to_their_first_line(files: Mapping[str, ChangedFile]) -> None:
    memory = files["mm/memory.c"]
    lines = CODE.splitlines()
    for first, words in (
        (lines.index("	if (fails() &&") + 1, "value == 3)"),
        (lines.index("		value =") + 1, "other;"),
    ):
        found = next(one for one in memory.statements if one.line == first)
        assert found.text.endswith(words)
        assert found.changed == (first, first + 1)
        assert found.state is LineState.NEVER_HIT
    loop = next(one for one in memory.statements if one.text.startswith("for (local"))
    assert loop.last_line == loop.line + 2


def test_only_changed_statements_are_listed_where_they_now_are(tmp_path: Path) -> None:
    """Everything below a new line has moved. A statement of which only a continuation line is new has changed; so has
    one that lost a line."""
    code = CODE.replace('#include "mm.h"\n', '#include "mm.h"\n\n/* moved\n * down\n */\n')
    vmlinux = build(tmp_path / "t", code=code)
    at = code.splitlines().index("			value == 3)") + 1
    cut = code.splitlines().index("		value =") + 1
    sections = read_sections(vmlinux, (*line_table.SECTIONS, *functions.SECTIONS))
    rows = read_line_table(sections, {"mm/memory.c"}).rows
    kernel = Kernel({"mm/memory.c": rows}, functions.Functions(sections).at, (), str)
    lines = ChangedLines(frozenset({3, 4, 5, at}), frozenset({cut}))
    found = changed_statements("mm/memory.c", code, lines, kernel)
    assert [(one.line, one.changed) for one in found] == [(at - 1, (at,)), (cut, ())]
    assert all(one.state is LineState.NEVER_HIT for one in found)


def test_hits_are_told_by_case_and_by_copy(files: Mapping[str, ChangedFile]) -> None:
    """The count of a copy is that of its busiest instruction: several may belong to one execution."""
    found = statement(files["mm/mm.h"], "*at += 7;")
    second, fifth = found.copies[1], found.copies[4]
    hits = [
        ("boot", {second.addresses[0]: 2}),
        ("scale", dict.fromkeys(fifth.addresses, 10)),
        ("scale", {second.addresses[-1]: 1}),
        ("thp", {}),
    ]
    told = coverage(CodeMap("", (files["mm/mm.h"],)), hits)
    one = next(one for one in told.statements if one.line == found.line)
    assert one.state is LineState.HIT
    assert [(case.case, case.count) for case in one.cases] == [("boot", 2), ("scale", 11)]
    assert [copy.count for copy in one.copies] == [0, 3, 0, 0, 10]
    assert told.cases == ("boot", "scale", "thp")
    assert next(one for one in told.statements if "return a + 1;" in one.text).state is LineState.NOT_COMPILED


DECODED = re.compile(r"^(?P<file>\S+\.[ch])\s+(?P<line>\d+)\s+(?P<address>0x[0-9a-f]+)", re.MULTILINE)


def test_binutils_reads_the_same_rows(tmp_path: Path) -> None:
    for version in ("-gdwarf-4", "-gdwarf-5", "-gdwarf-5 -gno-as-loc-support"):
        vmlinux = build(tmp_path / version, *version.split())
        rows = read_line_table(
            read_sections(vmlinux, line_table.SECTIONS), {"mm/memory.c", "mm/mm.h", "mm/main.c"}
        ).rows
        said = subprocess.run(
            ["readelf", "--debug-dump=decodedline", vmlinux], check=True, capture_output=True, text=True
        ).stdout
        theirs = {(found["file"], int(found["line"]), int(found["address"], 16)) for found in DECODED.finditer(said)}
        assert {(row.file.removeprefix("mm/"), row.line, row.address) for row in rows} == theirs
        assert len(theirs) > 60


def test_clang_names_files_from_the_directory_that_it_compiles_in(tmp_path: Path) -> None:
    """With clang's form of an entry, made of one of gcc's: a directory of 0, and all of the path in the name."""
    digest = bytes([0xA5] * 16)
    (tmp_path / "one.s").write_text(f"""\
.file 0 "/somewhere/build" "../mm/memory.c" md5 0x{digest.hex()}
.text
.loc 0 7
nop
""")
    subprocess.run(
        ["gcc", "-gdwarf-5", "-nostdlib", "-no-pie", "-Wl,--entry=0", "-o", "one", "one.s"], cwd=tmp_path, check=True
    )
    sections = read_sections(tmp_path / "one", line_table.SECTIONS)
    table, strings = sections[".debug_line"], sections[".debug_line_str"]
    at = table.index(digest)
    named = (
        table[: at - 5] + len(strings).to_bytes(4, "little") + b"\0" + table[at:]
    )  # the name's place, and directory 0
    names = strings + b"../mm/memory.c\0"
    clangs = Sections({**sections.data, ".debug_line": named, ".debug_line_str": names}, sections.is_little_endian)
    for form in (sections, clangs):
        assert [row.line for row in read_line_table(form, {"mm/memory.c"}).rows] == [7]


def test_a_damaged_or_foreign_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    vmlinux = build(tmp_path / "t")
    text = tmp_path / "text"
    text.write_text("no ELF")
    for path in (text, tmp_path / "nothing"):
        with pytest.raises(VmlinuxUnreadable, match=path.name):
            read_sections(path, line_table.SECTIONS)
    stripped = tmp_path / "stripped"
    subprocess.run(["strip", "-g", "-o", stripped, vmlinux], check=True)
    with pytest.raises(ValueError, match="no line tables"):
        read_line_table(read_sections(stripped, line_table.SECTIONS), {"mm/mm.h"})


def test_line_tables_that_end_early_are_an_error_and_no_traceback(tmp_path: Path) -> None:
    sections = read_sections(build(tmp_path / "t"), line_table.SECTIONS)
    whole_table = sections[".debug_line"]
    for length in range(1, len(whole_table), 7):
        cut = Sections({**sections.data, ".debug_line": whole_table[:length]}, sections.is_little_endian)
        try:
            read_line_table(cut, {"mm/mm.h"})
        except ValueError:
            continue
        assert length in _ends(whole_table)


def _ends(table: bytes) -> set[int]:
    """Where units of a line table end."""
    found, at = set(), 0
    while at < len(table):
        at += 4 + int.from_bytes(table[at : at + 4], "little")
        found.add(at)
    return found
