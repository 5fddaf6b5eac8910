"""Statements of C: what belongs together, in which function, behind which #if."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.parse.code.c_statements import CStatement, Kind, statements


def spans(text: str, *kinds: Kind) -> list[tuple[int, int]]:
    return [(one.first, one.last) for one in statements(text) if not kinds or one.kind in kinds]


def inside(*lines: str) -> str:
    """The lines as the body of a function, from line 3 on."""
    return "void f(void)\n{\n" + "".join(f"\t{line}\n" for line in lines) + "}\n"


def body(*lines: str) -> list[tuple[int, int, Kind]]:
    """The statements in a function, with the numbers of these lines from 1."""
    found = statements(inside(*lines))
    return [(one.first - 2, one.last - 2, one.kind) for one in found if one.kind is not Kind.HEAD]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["a = b +", "c;"], [(1, 2, Kind.CODE)]),
        (["call(one,", "     two);", "x++;"], [(1, 2, Kind.CODE), (3, 3, Kind.CODE)]),
        (["if (a &&", "    b)", "c();"], [(1, 2, Kind.CODE), (3, 3, Kind.CODE)]),
        (["for (i = 0;", "     i < n;", "     i++) {", "c();", "}"], [(1, 3, Kind.CODE), (4, 4, Kind.CODE)]),
        (["} /* not closed twice */"], []),
        (["list_for_each_entry(a, &head, list)", "use(a);"], [(1, 1, Kind.CODE), (2, 2, Kind.CODE)]),
        (["for_each_vma(vmi, vma) {", "use(vma);", "}"], [(1, 1, Kind.CODE), (2, 2, Kind.CODE)]),
        (["do {", "x--;", "} while (x);"], [(1, 1, Kind.LABEL), (2, 2, Kind.CODE), (3, 3, Kind.CODE)]),
        (["if (a)", "b();", "else", "c();"],
         [(1, 1, Kind.CODE), (2, 2, Kind.CODE), (3, 3, Kind.LABEL), (4, 4, Kind.CODE)]),
        (["switch (a) {", "case B:", "c();", "break;", "default:", "d();", "}"],
         [(1, 1, Kind.CODE), (2, 2, Kind.LABEL), (3, 3, Kind.CODE), (4, 4, Kind.CODE), (5, 5, Kind.LABEL),
          (6, 6, Kind.CODE)]),
        (["out:", "return a ? b : c;"], [(1, 1, Kind.LABEL), (2, 2, Kind.CODE)]),
        (["int a;", "struct vm_area_struct *vma, *next;", "unsigned long end = 5;"],
         [(1, 1, Kind.DECLARATION), (2, 2, Kind.DECLARATION), (3, 3, Kind.CODE)]),
        (["struct foo x = {", "\t.a = b(),", "\t.c = 1,", "};"], [(1, 4, Kind.CODE)]),
        (["MA_STATE(mas, &mm->mm_mt, start, end - 1);", "x = 1;"], [(1, 1, Kind.CODE), (2, 2, Kind.CODE)]),
        (["wait_event(queue, ({", "\tx = ready();", "\tx;", "}));", "y = 1;"], [(1, 4, Kind.CODE), (5, 5, Kind.CODE)]),
        (['asm volatile("a\\n\\t"', '\t     "b"', '\t     : "=r" (x) : "r" (y));'], [(1, 3, Kind.CODE)]),
        (["case_of_nothing = '}'; /* } */ // }", 'puts("};{");'], [(1, 1, Kind.CODE), (2, 2, Kind.CODE)]),
        (["return;"], [(1, 1, Kind.CODE)]),
        (["a();", "", "/* words */", "b();"], [(1, 1, Kind.CODE), (4, 4, Kind.CODE)]),
        (["if (a) b(c,", "        d);"], [(1, 2, Kind.CODE)]),
        (["x = (struct y){", "\t.z = 1,", "};"], [(1, 3, Kind.CODE)]),
        (["guard(rcu)();", "x = 1;"], [(1, 1, Kind.CODE), (2, 2, Kind.CODE)]),
        (["scoped_guard(mutex, &lock)", "x = 1;"], [(1, 1, Kind.CODE), (2, 2, Kind.CODE)]),
    ],
)  # fmt: skip
def test_what_belongs_together(lines: list[str], expected: list[tuple[int, int, Kind]]) -> None:
    assert body(*lines) == expected


def test_a_head_is_one_statement_with_its_brace() -> None:
    text = "static int __init\nlong_name(int a,\n\t  int b)\n{\n\treturn a;\n}\n"
    assert statements(text) == (
        CStatement(1, 4, Kind.HEAD, "long_name", 1),
        CStatement(5, 5, Kind.CODE, "long_name", 1),
    )


@pytest.mark.parametrize(
    ("head", "name"),
    [
        ("void f(void)", "f"),
        ("static __always_inline __must_check bool __refcount_inc(refcount_t *r)", "__refcount_inc"),
        ("__printf(1, 2) void say(const char *text, ...)", "say"),
        ("static __printf(1, 2) void say(const char *text, ...)", "say"),
        ("struct page *lookup(struct mm_struct *mm)", "lookup"),
        ("int locked(struct x *x) __must_hold(&x->lock)", "locked"),
        ("int (*pick(int a))(int)", "pick"),
        ("SYSCALL_DEFINE2(munmap, unsigned long, addr, size_t, len)", "SYSCALL_DEFINE2(munmap)"),
    ],
)
def test_a_function_has_its_name(head: str, name: str) -> None:
    found = [one.function for one in statements(f"{head}\n{{\n\tx();\n}}\n") if one.kind is Kind.CODE]
    assert found == [name]


def test_types_prototypes_and_data_are_no_code() -> None:
    text = """\
struct a {
	int b;
	union {
		int c;
	};
};
extern int f(int);
int table[] = {
	1,
	2,
};
enum { X, Y };
static const struct file_operations ops = {
	.open = f,
};
typedef struct { int z; } z_t;
struct __attribute__((packed)) p {
	int q;
};
"""
    assert {one.kind for one in statements(text)} == {Kind.OUTSIDE}


def test_conditions_stand_with_what_they_are_about() -> None:
    text = inside("#ifdef CONFIG_A", "a();", "#elif defined(CONFIG_B)", "b();", "#else", "c();", "#endif", "d();")
    found = {one.first - 2: one.conditions for one in statements(text) if one.kind is Kind.CODE}
    assert found == {
        2: ("defined(CONFIG_A)",),
        4: ("!(defined(CONFIG_A))", "defined(CONFIG_B)"),
        6: ("!(defined(CONFIG_A))", "!(defined(CONFIG_B))"),
        8: (),
    }


def test_braces_in_both_branches_of_an_if_count_once() -> None:
    text = inside("#ifdef CONFIG_A", "if (a) {", "#else", "if (b) {", "#endif", "c();", "}") + inside("d();")
    assert [one.function for one in statements(text) if one.kind is Kind.HEAD] == ["f", "f"]
    assert [one.number for one in statements(text) if one.kind is Kind.HEAD] == [1, 2]


def test_a_macro_is_one_statement_whatever_is_in_it() -> None:
    text = "#define X(a) \\\n\tdo { \\\n\t\tfoo(a); /* more\n\twords */ \\\n\t} while (0)\nint y;\n"
    assert spans(text, Kind.MACRO) == [(1, 5)]
    assert spans(text, Kind.OUTSIDE) == [(6, 6)]


def test_a_directive_amid_a_statement_does_not_end_it() -> None:
    found = body("call(a,", "#ifdef CONFIG_X", "\tb,", "#endif", "\tc);", "d();")
    assert (1, 5, Kind.CODE) in found
    assert (6, 6, Kind.CODE) in found


def test_a_huge_table_takes_time_in_proportion() -> None:
    """100,000 entries: a quadratic parser would take an hour."""
    rows = "".join(f"\t{{ {number}, f({number}) }},\n" for number in range(25_000))
    began_s = time.process_time()
    found = statements(f"static const struct row rows[] = {{\n{rows}}};\n" + inside(f"int a[] = {{\n{rows}}};"))
    assert time.process_time() - began_s < 20
    assert (found[0].first, found[0].last) == (1, 25_002)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="ab(){}[];:,=\"'\\/*#\n ifelsdo?", max_size=120))
def test_any_text_has_statements_in_order_within_it(text: str) -> None:
    found = statements(text)
    assert all(1 <= one.first <= one.last <= text.count("\n") + 1 for one in found)
