"""Which ways conditions went: from jumps and their places to what every report says of it."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

from orchestrator.evidence.coverage.conditions import Place, Stack, with_parts
from orchestrator.evidence.coverage.judge import coverage, with_result
from orchestrator.evidence.coverage.told import never_gone, one_way, ways_sentence
from orchestrator.evidence.coverage.ways import told, united
from orchestrator.evidence.coverage.x86_jumps import between, conditional_jumps
from orchestrator.evidence.x86_code import BETWEEN, joined
from orchestrator.model.coverage import (
    ChangedFile,
    ChangedStatement,
    CodeMap,
    Copy,
    Coverage,
    FileCoverage,
    Jump,
    LineState,
    PartWays,
    Way,
    Ways,
)
from orchestrator.parse.code.c_statements import statements
from orchestrator.reporters import cobertura, junit, lcov, terminal
from orchestrator.reporters.html.covered import PARTLY, covered
from tests.unit.coverages import CONDITIONS, condition, part, report, suite

THEN, ELSE, ON = "mm/vma.c:11", "mm/vma.c:12", "mm/vma.c:10"


# --- which statements are conditions


def test_what_a_condition_is() -> None:
    code = """\
int f(int a)
{
	int b = a ? 1 : 2;
	if (a)
		b = 3;
	while (a && g(b))
		b++;
	b = a || b;
	for_each_vma(vmi, vma)
		b--;
	switch (a) {
	case 1:
		return 5;
	}
	do {
		b++;
	} while (b < 5);
	for (;;)
		b = g(b);
	return b;
}
"""
    lines = [one.first for one in statements(code) if one.is_condition]
    assert lines == [3, 4, 6, 8, 9, 11, 17]


# --- jumps in code


def test_conditional_jumps_and_what_is_next() -> None:
    """The addresses are those of the pieces, not of the file; a jump may lead out of its piece."""
    first, second = b"\x85\xc0\x74\x02\x90\x90\xc3", b"\xe2\xfe\x0f\x85\x00\x10\x00\x00\xeb\xfe"
    at = len(first) + len(BETWEEN)
    said = f"""\
   0:\ttest   %eax,%eax
   2:\tje     0x6
   4:\tnop
   6:\tret
   7:\tnop
  {at:x}:\tloop   0x{at:x}
  {at + 2:x}:\tjne    0x{at + 8 + 0x1000:x}
  {at + 8:x}:\tjmp    0x{at + 8:x}
  {at + 10:x}:\tnop
"""
    assert joined([first, second]) == first + BETWEEN + second + BETWEEN
    base, other = 0xFFFFFFFF81000000, 0xFFFFFFFF81200000
    assert list(conditional_jumps(said, [base, other], [first, second])) == [
        Jump(base + 2, base + 6, base + 4),
        Jump(other, other, other + 2),
        Jump(other + 2, other + 0x1008, other + 8),
    ]


def test_where_others_may_come_between() -> None:
    """Where a piece begins, and behind calls, atomic operations and barriers. An exchange of registers is none."""
    first, second = bytes(20), bytes(9)
    at = len(first) + len(BETWEEN)
    said = f"""\
   0:\tcall   0x40
   5:\tlock incl (%rdi)
   8:\txchg   %eax,%edx
   a:\txchg   %eax,(%rdi)
   c:\tlock cmpxchg %edx,(%rdi)
  10:\tlfence
  13:\tret
  14:\tnop
  {at:x}:\tmov    %eax,%edx
  {at + 2:x}:\tmfence
  {at + 5:x}:\tjmp    0x{at:x}
  {at + 7:x}:\tcall   0x{at:x}
  {at + 9:x}:\tnop
"""
    base, other = 0xFFFFFFFF81000000, 0xFFFFFFFF81200000
    found = [base, other, base + 5, base + 8, base + 0xC, base + 0x10, base + 0x13, other + 5, other + 9]
    assert list(between(said, [base, other], [first, second])) == found


# --- jumps and conditions


def changed(line: int, function: str, text: str) -> ChangedStatement:
    copies = (Copy("outer", (0x100,)),)
    return ChangedStatement(line, line, (line,), text, function, LineState.NEVER_HIT, "", copies, is_condition=True)


def f(line: int, column: int = 2) -> Place:
    return Place("f", "mm/vma.c", line, column)


CALL = Place("outer", "mm/vma.c", 100, 9)


def parts_of(
    one: ChangedStatement, stacks: dict[int, Stack], *jumps: Jump
) -> tuple[list[list[PartWays]], tuple[Jump, ...]]:
    texts = {"mm/vma.c": "\n" * 9 + "\tif (a && put(r))\n" + "\n" * 99}
    files, needed = with_parts(
        [ChangedFile("mm/vma.c", (one,))], jumps, lambda at: stacks.get(at, ()), lambda at: "outer", texts
    )
    ((copy,),) = [statement.copies for file in files for statement in file.statements]
    return [
        [(p.line, p.column, p.token, p.is_call, [way.to for way in p.ways]) for p in parts] for parts in copy.parts
    ], needed  # type: ignore[misc]


def test_a_jump_belongs_to_the_statement_and_its_ways_are_lines_of_the_function() -> None:
    """Where one leads into a function that is inlined, the line is the call's; where out of the function, no line."""
    stacks: dict[int, Stack] = {
        0x10: (f(10, 5), CALL),
        0x20: (Place("get", "include/linux/r.h", 7, 1), f(11), CALL),
        0x30: (CALL,),
        0x40: (f(77), CALL),
        0x50: (f(10, 8), replace_call(200)),
        0x60: (f(12), CALL),
        0x70: (f(11), replace_call(200)),
    }
    jumps = (Jump(0x10, 0x20, 0x30), Jump(0x40, 0x20, 0x30), Jump(0x50, 0x60, 0x70))
    found, needed = parts_of(changed(10, "f", "if (a && put(r))"), stacks, *jumps)
    assert found == [
        [(10, 5, "(", False, [THEN, "beyond f()"])],
        [(10, 8, "&&", False, ["beyond f()", THEN])],  # in another call of f: lines of the first call are beyond
    ]
    assert needed == (jumps[0], jumps[2])


def replace_call(line: int) -> Place:
    return CALL._replace(line=line)


def test_a_function_that_is_inlined_decides_where_its_jumps_lead_out_of_it() -> None:
    """Jumps inside of it alone say nothing about the condition; nor does one that only leads on to one line."""
    put = f(10, 11)

    def inside(line: int) -> Stack:
        return (Place("put", "include/linux/r.h", line, 3), put)

    stacks: dict[int, Stack] = {
        0x10: inside(5), 0x20: (f(11),), 0x30: inside(6), 0x40: (f(12),), 0x50: inside(7), 0x60: inside(8),
    }  # fmt: skip
    leaves, checks, loops = Jump(0x10, 0x20, 0x30), Jump(0x30, 0x50, 0x40), Jump(0x50, 0x60, 0x30)
    found, needed = parts_of(changed(10, "f", "if (a && put(r))"), stacks, leaves, checks, loops)
    assert found == [[(10, 11, "put", True, [THEN, ELSE])]]
    assert needed == (leaves, checks)
    found, needed = parts_of(changed(10, "f", "if (a && put(r))"), stacks, leaves, loops)
    assert (found, needed) == ([], ())


# --- copies together


def test_the_same_part_of_several_copies_is_one() -> None:
    one, turned = part(10, (THEN, 3), (ELSE, 0)), part(10, (ELSE, 4), (THEN, 1))
    (both,) = united([[one], [turned]])
    assert both == part(10, (THEN, 4), (ELSE, 4))
    assert told([both]) is Ways.ALL
    assert told([one]) is Ways.SOME


def test_parts_that_may_be_others_stay_apart() -> None:
    """A macro may hold several conditions at one place, and gcc may give both sides of an operator its place."""
    macro = part(10, (THEN, 3), (ELSE, 0), token="WARN_ON", column=6)
    other = replace(macro, ways=(Way(THEN, 0), Way(ELSE, 3)))
    assert united([[macro, other]]) == (macro, other)
    assert united([[macro, other], [macro, other]]) == tuple(
        replace(each, ways=tuple(Way(way.to, 2 * way.count) for way in each.ways)) for each in (macro, other)
    )
    assert len(united([[part(10, (ON, 1), (ELSE, 0)), part(10, (ON, 1), (THEN, 0))]])) == 2


def test_ways_to_the_same_line_are_told_apart_by_their_order() -> None:
    both = united([[part(10, (THEN, 3), (THEN, 0))], [part(10, (THEN, 2), (THEN, 1))]])
    assert both == (part(10, (THEN, 5), (THEN, 1)),)


def test_a_copy_that_nothing_came_to_says_nothing_unless_all_are_so() -> None:
    went, never = part(10, (THEN, 3), (ELSE, 1)), part(10, ("beyond f()", 0), (ELSE, 0))
    assert united([[went], [never]]) == (went,)
    assert united([[never]]) == (never,)
    assert told([never]) is Ways.NONE
    assert told([]) is Ways.UNTOLD


# --- what is said


def test_counts_become_ways_only_where_they_were_counted() -> None:
    stacks: dict[int, Stack] = {0x100: (f(10, 5),), 0x20: (f(11),), 0x30: (f(12),)}
    files, jumps = with_parts(
        [ChangedFile("mm/vma.c", (changed(10, "f", "if (a)"),))], [Jump(0x100, 0x20, 0x30)],
        lambda at: stacks[at], lambda at: "outer", {"mm/vma.c": ""},
    )  # fmt: skip
    code = CodeMap("b", files, jumps=jumps)
    found = coverage(code, [("boot", {0x100: 3})], {(0x100, 0x30): 3})
    (one,) = found.statements
    assert one.ways is Ways.SOME
    assert [(way.to, way.count) for part in one.parts for way in part.ways] == [(THEN, 0), (ELSE, 3)]
    assert one.copies[0].parts == one.parts
    uncounted = coverage(replace(code, no_ways="not proved"), [("boot", {0x100: 3})], None)
    assert (uncounted.statements[0].ways, uncounted.statements[0].parts) == (None, ())
    assert ways_sentence(uncounted) == "which ways conditions went: not proved"


def test_the_sentence_and_the_list() -> None:
    words = "1 of 3 changed conditions that ran went every way, 2 some ways only, 1 never reached"
    assert ways_sentence(CONDITIONS) == f"{words}, 1 without a jump: not told"
    assert one_way(CONDITIONS) == (
        "mm/vma.c:20 in f: never went to mm/vma.c:23 from && at 20:8: if (a && b)",
        "mm/vma.c:30 in f: never went to mm/vma.c:31: if (put(r))",
    )
    assert ways_sentence(Coverage((), ())) == ""


def test_each_kind_of_never() -> None:
    file = FileCoverage("mm/vma.c", ())
    for parts, words in (
        ([part(20, ("mm/vma.c:20", 0), ("mm/vma.c:9", 1))], "never went on"),
        ([part(20, ("beyond f()", 0), ("mm/vma.c:9", 1))], "never went beyond f()"),
        ([part(20, ("mm/vma.c:9", 0), ("mm/vma.c:9", 1))], "never jumped"),
        ([part(20, ("mm/vma.c:9", 1), ("mm/vma.c:9", 0))], "always jumped"),
    ):
        assert never_gone(file, condition(20, *parts)) == (words,)
    unreached = part(20, ("mm/vma.c:21", 0), ("mm/vma.c:9", 0), token="put", column=9, is_call=True)
    assert never_gone(file, condition(20, part(20, (THEN, 1), (ELSE, 1)), unreached)) == (
        "never came to put() at 20:9",
    )


def test_the_terminal_says_it_in_a_line_and_lists_them() -> None:
    lines = terminal.plain(report(with_result(suite(CONDITIONS), None))).splitlines()
    assert (
        "  conditions: 1 of 3 changed conditions that ran went every way, 2 some ways only, 1 never reached, 1"
        in " ".join(lines)
    )
    assert "  some ways only: mm/vma.c:30 in f: never went to mm/vma.c:31: if (put(r))" in lines
    many = Coverage((FileCoverage("mm/vma.c", CONDITIONS.files[0].statements[1:2] * 25),), ("boot",))
    listed = [line for line in terminal.plain(report(suite(many))).splitlines() if "some ways only: " in line]
    assert listed[-1] == "  some ways only: ... 5 more, in report.json"
    assert len(listed) == 21


def test_junit_counts_them() -> None:
    root = ElementTree.fromstring(junit.document(report(suite(CONDITIONS))))
    found = {entry.get("name"): entry.get("value") for entry in root.iter("property")}
    assert found["coverage.conditions"] == ways_sentence(CONDITIONS)
    assert (found["coverage.conditions.all_ways"], found["coverage.conditions.some_ways"]) == ("1", "2")
    assert found["coverage.some_ways_only"] == "mm/vma.c:20, mm/vma.c:30"


def test_lcov_has_a_block_for_each_part() -> None:
    lines = (lcov.content(report(suite(CONDITIONS))) or b"").decode().splitlines()
    assert [line for line in lines if line.startswith("BR")] == [
        "BRDA:10,0,0,4", "BRDA:10,0,1,5",
        "BRDA:20,0,0,7", "BRDA:20,0,1,2", "BRDA:20,1,0,7", "BRDA:20,1,1,0",
        "BRDA:30,0,0,0", "BRDA:30,0,1,9",
        "BRDA:50,0,0,-", "BRDA:50,0,1,-",
        "BRF:10", "BRH:6",
    ]  # fmt: skip


def test_cobertura_adds_the_ways_of_kernels_up() -> None:
    """A part is the same in two kernels if it stands at the same place and leads to the same lines."""
    statements_ = list(CONDITIONS.files[0].statements)
    statements_[2] = condition(30, part(30, ("beyond f()", 1), ("mm/vma.c:31", 1), token="put", is_call=True))
    other = Coverage((FileCoverage("mm/vma.c", tuple(statements_)),), ("boot",))
    root = ElementTree.fromstring(cobertura.content(report(suite(CONDITIONS), suite(other, name="debug"))) or b"")
    lines = {line.get("number"): line for line in root.iter("line")}
    assert {number: line.get("condition-coverage") for number, line in lines.items()} == {
        "10": "100% (2/2)", "20": "75% (3/4)", "30": "100% (2/2)", "40": None, "50": "0% (0/2)",
    }  # fmt: skip
    assert [one.get("coverage") for one in lines["20"].iter("condition")] == ["100%", "50%"]
    assert (root.get("branches-covered"), root.get("branches-valid"), root.get("branch-rate")) == ("7", "10", "0.7000")
    assert lines["40"].get("branch") == "false"


def test_the_diff_says_what_a_condition_never_did_unless_another_kernel_did() -> None:
    notes = {note.line: note for note in covered(report(suite(CONDITIONS)))}
    assert [(line, note.words) for line, note in notes.items() if note.kind == PARTLY] == [
        (20, "never went to mm/vma.c:23 from && at 20:8"),
        (30, "never went to mm/vma.c:31"),
    ]
    whole = Coverage((FileCoverage("mm/vma.c", (condition(20, part(20, (THEN, 1), (ELSE, 1))),)),), ("boot",))
    notes = {note.line: note for note in covered(report(suite(CONDITIONS), suite(whole, name="debug")))}
    assert [line for line, note in notes.items() if note.kind == PARTLY] == [30]
