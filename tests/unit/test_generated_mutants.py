"""Mutants of changed lines, from C text alone."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.build.schemata import metamutant
from orchestrator.declarations.names import check_mutant_name
from orchestrator.model.series import Mutant
from orchestrator.mutation.generate import ChangedFile, generate
from orchestrator.mutation.statements import NotReadable, Shape, statements_of
from orchestrator.mutation.tokens import Kind, NotBalanced, partners, tokens_of
from orchestrator.mutation.vocabulary import load_vocabulary
from orchestrator.parse.code.changed_lines import Hunk, hunks

VOCABULARY = load_vocabulary()
NAME = "mm/file.c"


def mutants(after: str, before: str = "", lines: Sequence[int] = ()) -> tuple[Mutant, ...]:
    """Of a file of which these lines are new (default: all)."""
    wanted = lines or range(1, after.count("\n") + 1)
    hunks = tuple(Hunk(range(1, 1), range(line, line + 1)) for line in wanted)
    return generate([ChangedFile(NAME, before, after, hunks)], VOCABULARY).mutants


def body(*statements: str, head: str = "int f(struct x *p)") -> str:
    return f"{head}\n{{\n" + "".join(f"\t{line}\n" for line in statements) + "}\n"


def applied(text: str, mutant: Mutant) -> str:
    """The file with the mutant's diff. That git reads it so, too, is an integration test."""
    head, rows = re.search(r"@@ -(\d+),\d+ .* @@\n", mutant.diff.decode()), mutant.diff.decode().split(" @@\n", 1)[1]
    assert head
    lines, first = text.splitlines(keepends=True), int(head[1]) - 1
    old = [row[1:] for row in rows.splitlines(keepends=True) if row[0] in " -"]
    new = [row[1:] for row in rows.splitlines(keepends=True) if row[0] in " +"]
    assert lines[first : first + len(old)] == old
    return "".join([*lines[:first], *new, *lines[first + len(old) :]])


def edits(text: str, operator: str) -> list[str]:
    """What the lines of a text become, by one operator."""
    changed = []
    for mutant in mutants(text):
        if mutant.group == operator:
            pairs = zip(text.split("\n"), applied(text, mutant).split("\n"), strict=True)
            changed += [new.strip() for old, new in pairs if old != new]
    return sorted(changed)


@pytest.mark.parametrize(
    ("operator", "line", "becomes"),
    [
        ("drop-call", "vma_end_read(vma);", [";"]),
        ("drop-call", "ops->close(vma);", [";"]),
        ("drop-call", "(void)take(vma);", [";"]),
        ("drop-call", "pr_info(\"x\\n\");", []),
        ("drop-call", "x = take(vma);", []),
        ("drop-store", "p->seq = 1;", [";"]),
        ("drop-store", "*p = 1;", [";"]),
        ("drop-store", "local = 1;", []),
        ("drop-store", "p->seq == 1;", []),
        ("skip-check", "if (!p) return -EINVAL;", ["if (0 && (!p)) return -EINVAL;"]),
        ("skip-check", "if (!p) { g(); goto out; }", ["if (0 && (!p)) { g(); goto out; }"]),
        ("skip-check", "if (!p) g();", []),
        ("skip-check", "if (WARN_ON_ONCE(!p)) return 0;", []),
        ("negate-condition", "if (a(p) > 1) g();", ["if (!(a(p) > 1)) g();"]),
        ("drop-operand", "if (a && b(p)) g();", ["if (1 && b(p)) g();", "if (a && 1) g();"]),
        ("drop-operand", "if (a || (b && c)) g();", [
            "if (0 || (b && c)) g();", "if (a || (1 && c)) g();", "if (a || (b && 1)) g();", "if (a || 0) g();",
        ]),
        ("drop-operand", "x = !a && b(p);", ["x = !a && 1;", "x = 1 && b(p);"]),
        ("drop-operand", "const bool x = a || b;", ["const bool x = 0 || b;", "const bool x = a || 0;"]),
        ("drop-operand", "struct y x = { .a = b && c };", []),
        ("drop-operand", "return a && b;", ["return a && 1;", "return 1 && b;"]),
        ("boundary", "if (a < b) g();", ["if (a <= b) g();"]),
        ("boundary", "for (i = x > 1; i < n; i = y < 1) g();", ["for (i = x > 1; i <= n; i = y < 1) g();"]),
        ("boundary", "do { g(); } while (i < n);", ["do { g(); } while (i <= n);"]),
        ("equality", "while (a == b) g();", ["while (a != b) g();"]),
        ("drop-operand", "for (;a && b;) g();", ["for (;1 && b;) g();", "for (;a && 1;) g();"]),
        ("drop-call", "LIST_HEAD(pages);", []),
        ("drop-call", "DECLARE_BITMAP(seen, 8);", []),
        ("drop-call", "INIT_LIST_HEAD(&pages);", [";"]),
        ("drop-call", "asm(\"nop\");", []),
        ("drop-call", "if (WARN_ON_ONCE(!p)) { g(); return 0; }", []),
        ("drop-call", "if (!p && WARN_ON_ONCE(a || b)) g();", []),
        ("drop-call", "if (!p || WARN_ON_ONCE(a)) g();", ["if (!p || WARN_ON_ONCE(a)) ;"]),
        ("drop-call", "if (!WARN_ON_ONCE(a)) g();", ["if (!WARN_ON_ONCE(a)) ;"]),
        ("drop-call", "if (WARN_ON_ONCE(a)) f(); else g();", ["if (WARN_ON_ONCE(a)) f(); else ;"]),
        ("negate-condition", "if (data_race(count(p))) g();", ["if (!(data_race(count(p)))) g();"]),
        ("boundary", "if (a >= b) g();", ["if (a > b) g();"]),
        ("boundary", "x = a << b;", []),
        ("equality", "if (a == b && c) g();", ["if (a != b && c) g();"]),
        ("equality", "if (a == b) g();", []),  # the whole condition: negate-condition does it
        ("wrong-return", "return -ENOMEM;", ["return 0;"]),
        ("wrong-return", "return true;", ["return false;"]),
        ("wrong-return", "return 0;", []),
        ("unchecked-reference", "if (!refcount_inc_not_zero(&p->count)) g();", [
            "if (!(refcount_inc(&p->count), true)) g();"
        ]),
        ("last-reference", "if (atomic_dec_and_test(&p->n)) g();", ["if ((atomic_dec(&p->n), false)) g();"]),
        ("weaker-order", "smp_store_release(&p->x, f(a, b));", ["WRITE_ONCE(*(&p->x), f(a, b));"]),
        ("weaker-order", "smp_mb();", ["barrier();"]),
        ("plain-access", "x = READ_ONCE(p->x);", ["x = (p->x);"]),
        ("off-by-one", "x = end - PAGE_SIZE;", ["x = end ;"]),
        ("off-by-one", "x = f(n) + 1;", ["x = f(n) ;"]),
        ("off-by-one", "x = n + 10;", []),
        ("off-by-one", "return -1;", []),
        ("drop-flag", "x = g(VM_READ | VM_WRITE);", ["x = g(VM_READ );"]),
    ],
)  # fmt: skip
def test_what_an_operator_does(operator: str, line: str, becomes: list[str]) -> None:
    assert edits(body(line), operator) == sorted(becomes)


def test_a_void_function_returns_early() -> None:
    assert edits(body("g(p);", head="static void f(struct x *p)"), "early-return") == ["return;"]
    assert edits(body("g(p);", head="static void *f(struct x *p)"), "early-return") == []


def test_an_error_path_leaves_by_the_next_label() -> None:
    text = body(
        "if (!p)", "\tgoto out_free;", "if (q)", "\tgoto out;", "g();", "out_free:", "kfree(p);", "out:", "return 0;"
    )
    assert edits(text, "neighbour-label") == ["goto out;", "goto out_free;"]


def test_statements_change_places_where_that_matters() -> None:
    text = body("spin_lock(&p->lock);", "p->a = 1;", "p->b = 2;", "spin_unlock(&p->lock);", "local = 3;", "other = 4;")
    found = {
        mutant.group: applied(text, mutant) for mutant in mutants(text) if "swap" in mutant.group or "l" in mutant.group
    }
    assert "p->a = 1;\n\tspin_lock(&p->lock);" in found["late-lock"]
    assert "p->b = 2;\n\tp->a = 1;" in found["swap-stores"]
    assert "spin_unlock(&p->lock);\n\tp->b = 2;" in found["early-release"]


def test_a_system_call_has_mutants_too() -> None:
    text = body("if (a)", "\treturn -EINVAL;", "return f(a);", head="SYSCALL_DEFINE1(madvise, int, a)")
    assert {mutant.function for mutant in mutants(text)} == {"madvise"}


def test_only_changed_lines_are_mutated() -> None:
    text = body("one(p);", "two(p);", "three(p);")
    found = mutants(text, lines=[4])
    assert found
    assert all("two(p)" in mutant.breaks for mutant in found if "hunk" not in mutant.breaks)
    assert mutants("int x;\n", lines=[1]) == ()


def test_a_hunk_is_reverted_as_a_whole() -> None:
    before, after = body("old(p);", "both(p);"), body("new(p);", "newer(p);", "both(p);")
    files = [ChangedFile(NAME, before, after, (Hunk(range(3, 4), range(3, 5)),))]
    (revert,) = [one for one in generate(files, VOCABULARY).mutants if one.group == "revert-hunk"]
    assert applied(after, revert) == before
    gone = [ChangedFile(NAME, after, before, (Hunk(range(4, 5), range(4, 4)),))]
    (back,) = [one for one in generate(gone, VOCABULARY).mutants if one.group == "revert-hunk"]
    assert "newer(p);" in applied(before, back)


@pytest.mark.parametrize("lines", [["cond_resched();"], ["/* why */", 'pr_info("a", 1);'], ["lockdep_assert_held(l);"]])
def test_a_hunk_that_only_logs_asserts_or_gives_way_is_not_reverted(lines: list[str]) -> None:
    before, after = body("f(p);"), body("f(p);", *lines)
    new = Hunk(range(4, 4), range(4, 4 + len(lines)))
    assert generate([ChangedFile(NAME, before, after, (new,))], VOCABULARY).mutants == ()
    more = body("f(p);", *lines, "g(p);")
    both = Hunk(range(4, 4), range(4, 5 + len(lines)))
    made = generate([ChangedFile(NAME, before, more, (both,))], VOCABULARY).mutants
    assert "revert-hunk" in {one.group for one in made}
    back = Hunk(range(4, 4 + len(lines)), range(4, 4))
    assert generate([ChangedFile(NAME, after, before, (back,))], VOCABULARY).mutants == ()


def test_a_hunk_that_opens_a_block_is_reverted_with_the_one_that_closes_it() -> None:
    before = body("if (a)", "\tg(p);", "h(p);")
    after = body("if (a && b) {", "\tg(p);", "}", "#ifdef A", "h(p);", "#endif")
    opens, closes = Hunk(range(3, 4), range(3, 4)), Hunk(range(5, 5), range(5, 7))
    made = generate([ChangedFile(NAME, before, after, (opens, closes))], VOCABULARY).mutants
    assert [one for one in made if one.group == "revert-hunk"] == [], "the #endif is in neither"
    both = (opens, closes, Hunk(range(6, 6), range(8, 9)))
    made = generate([ChangedFile(NAME, before, after, both)], VOCABULARY).mutants
    (revert,) = [one for one in made if one.group == "revert-hunk"]
    assert applied(after, revert) == before


def test_lines_keep_their_numbers_and_each_mutant_can_be_switched() -> None:
    text = "#include <a.h>\n\n" + body(
        "int x = 0;",
        "/* a comment with if (x) { */",
        "for_each_vma(vmi, vma) {",
        "\tif (!take(vma,",
        "\t\t  1))",
        "\t\tcontinue;",
        "\tput(vma,",
        "\t    2);",
        "}",
        "return x && p->y;",
    )
    found = mutants(text)
    assert {mutant.group for mutant in found} >= {"drop-call", "skip-check", "drop-operand", "negate-condition"}
    for number, mutant in enumerate(found, 1):
        changed = applied(text, mutant)
        if mutant.group != "revert-hunk":
            assert changed.count("\n") == text.count("\n"), mutant.breaks
        assert f"case {number}:" in metamutant(text, {number: changed})


def test_names_are_unique_and_fit_for_directories() -> None:
    found = mutants(body("if (a && b && c) g(a); put(x); put(y);", "put(z);"))
    names = [mutant.name for mutant in found]
    assert len(set(names)) == len(names) > 8
    for name in names:
        check_mutant_name(name, "here")


def test_the_first_ones_are_spread_and_weigh_most() -> None:
    text = body("count(a);", "unlock(b);", "x = READ_ONCE(c);", "if (!d) return -EIO;")
    first = mutants(text)[:3]
    assert [mutant.group for mutant in first] == ["drop-call", "skip-check", "revert-hunk"] or first[
        0
    ].group == "drop-call"
    assert "unlock(b)" in first[0].breaks


def test_code_that_cannot_be_read_is_named() -> None:
    text = body("#ifdef A", "if (x) {", "#else", "if (y) {", "#endif", "g();", "}", "put(p);")
    made = generate([ChangedFile(NAME, "", text, (Hunk(range(1, 1), range(9, 10)),))], VOCABULARY)
    assert made.mutants == ()
    assert made.unreadable[0][0] == "mm/file.c: f()"


def test_functions_of_another_form_are_named() -> None:
    text = "static int old(a)\n\tint a;\n{\n\tput(a);\n}\n\nstatic inline int one(int x) { return x + 1; }\n"
    text += "static inline void none(void) { }\n\nDEFINE_IDTENTRY(exc_overflow)\n{\n\tput(regs);\n}\n"
    text += "\nstatic const int table[] =\n{\n\t1,\n};\n"
    every = range(1, text.count("\n") + 1)
    made = generate([ChangedFile(NAME, "", text, (Hunk(range(1, 1), every),))], VOCABULARY)
    assert made.mutants == ()
    assert [place.removeprefix("mm/file.c: ") for place, _ in made.unreadable] == [
        "old(a)", "one(int x)", "DEFINE_IDTENTRY(exc_overflow)",
    ]  # fmt: skip
    made = generate([ChangedFile(NAME, "", text, (Hunk(range(1, 1), range(7, 8)),))], VOCABULARY)
    assert [place for place, _ in made.unreadable] == ["mm/file.c: one(int x)"], "only what the series changes"


def test_a_directive_between_statements_stops_nothing() -> None:
    text = body("#ifdef CONFIG_A", "one(p);", "#endif", "two(p);")
    assert edits(text, "drop-call") == [";", ";"]
    assert not [mutant for mutant in mutants(text) if mutant.group in ("swap-stores", "late-lock", "early-release")]


def test_files_that_are_in_no_kernel_have_no_mutants() -> None:
    for name in ("tools/testing/vma/vma.c", "mm/Kconfig", "Documentation/x.c", "samples/a.c"):
        assert (
            generate([ChangedFile(name, "", body("put(p);"), (Hunk(range(1, 1), range(1, 5)),))], VOCABULARY).mutants
            == ()
        )


@pytest.mark.parametrize("name", ["arch/x86/boot/compressed/misc.c", "lib/vdso/gettimeofday.c", "lib/zstd/a/b.c"])
def test_what_is_linked_into_something_else_is_named(name: str) -> None:
    made = generate([ChangedFile(name, "", body("put(p);"), (Hunk(range(1, 1), range(1, 5)),))], VOCABULARY)
    assert made.mutants == ()
    assert [place for place, _ in made.unreadable] == [name]


def test_hunks_are_read_as_git_counts_them() -> None:
    diff = (
        b"diff --git a/mm/a.c b/mm/a.c\n--- a/mm/a.c\n+++ b/mm/a.c\n@@ -3 +3,2 @@ f\n-x\n+y\n+++ z\n@@ -9,2 +10,0 @@\n"
        b"-a\n-b\n"
        b"diff --git a/mm/b.c b/mm/b.c\n--- /dev/null\n+++ b/mm/b.c\n@@ -0,0 +1 @@\n+x\n"
    )
    assert hunks(diff) == {
        "mm/a.c": (Hunk(range(3, 4), range(3, 5)), Hunk(range(9, 11), range(11, 11))),
        "mm/b.c": (Hunk(range(1, 1), range(1, 2)),),
    }


@pytest.mark.parametrize(
    ("text", "shapes"),
    [
        ("{ a(b); }", [Shape.CALL]),
        ("{ struct x *y = f(z); }", [Shape.DECLARATION]),
        ("{ vm_flags_t f; }", [Shape.DECLARATION]),
        ("{ struct_type *y = z; }", [Shape.DECLARATION]),
        ("{ x[a(b)] |= 3; }", [Shape.STORE]),
        ("{ x->y++; }", [Shape.OTHER]),
        ("{ for (;;) ; }", [Shape.LOOP, Shape.OTHER]),
        ("{ do { a(); } while (b); c(); }", [Shape.LOOP, Shape.BLOCK, Shape.CALL, Shape.CALL]),
        ("{ if (a) b(); else if (c) d(); else e(); }", [Shape.IF, Shape.CALL, Shape.IF, Shape.CALL, Shape.CALL]),
        ("{ list_for_each(p, h) a(p); }", [Shape.LOOP, Shape.CALL]),
        ("{ scoped_guard(mutex, &m) { a(); } }", [Shape.LOOP, Shape.BLOCK, Shape.CALL]),
        ("{ switch (x) { case 1: a(); break; default: b(); } }", [
            Shape.SWITCH, Shape.BLOCK, Shape.LABEL, Shape.CALL, Shape.JUMP, Shape.LABEL, Shape.CALL,
        ]),
        ("{ x = ({ int y = 1; y; }); }", [Shape.STORE]),
        ("{ struct x y = { .a = 1 }; a(); }", [Shape.DECLARATION, Shape.CALL]),
        ("{ return (void *)f(x); }", [Shape.RETURN]),
        ("{ out: return; }", [Shape.LABEL, Shape.RETURN]),
        ('{ asm volatile("pause"); asm("nop"); asm goto("jmp %l[x]" : : : : x); }', [Shape.OTHER] * 3),
        ("{}", []),
    ],
)  # fmt: skip
def test_statements(text: str, shapes: list[Shape]) -> None:
    assert [one.shape for one in statements_of(text)] == shapes


def test_tokens_lie_where_they_say() -> None:
    text = 'a->b /* c */ "d\\"e" // f\n\t#define x \\\n y\n\'\\\'\' 0x1fUL <<= L"x"'
    found = tokens_of(text)
    assert [one.text for one in found] == [
        "a",
        "->",
        "b",
        '"d\\"e"',
        "\t#define x \\\n y",
        "'\\''",
        "0x1fUL",
        "<<=",
        'L"x"',
    ]
    assert found[4].kind is Kind.DIRECTIVE
    assert all(text[one.start : one.end] == one.text for one in found)


@given(st.text(alphabet="ab1(){}[];,?:=&|<>!\"'/*\\\n\t #-+.", max_size=120))
def test_any_text_is_read_or_refused(text: str) -> None:
    tokens = tokens_of(text)
    assert all(text[one.start : one.end] == one.text for one in tokens)
    try:
        pairs = partners(tokens)
    except NotBalanced:
        return
    assert all(pairs[pairs[at]] == at for at in pairs)
    try:
        statements_of(f"{{{text}}}")
    except (NotReadable, NotBalanced):
        return
