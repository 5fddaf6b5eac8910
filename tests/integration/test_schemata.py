"""Mutants in one text, switched: the metamutant compiles and behaves as each mutant, and as the original with 0."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from orchestrator.build.schemata import CannotSwitch, Function, metamutant, split_functions

ORIGINAL = """\
#include <stdio.h>
struct thing {
	int count;
};

static const int table[] =
{
	1, 2,
};

/* adds */
static int add(int a, int b)

{
	return a + b;
}

#ifdef TWICE
int scaled(struct thing *thing)
{
	return thing->count * 2;
}
#else
int scaled(struct thing *thing)
{
	return thing->count;
}
#endif

static inline void nothing(void) {}

void
__attribute__((noinline)) set(struct thing *thing, int (*how)(int, int),
			int values[2])
{
	if (values[0] < 0)
		return;
	thing->count = how(values[0], values[1]);
}

static unsigned int factorial(unsigned int n)
{
	if (n < 2)
		return 1;
	return n * factorial(n - 1);
}
"""

MAIN = """
int orchestrate_mutant;
int main(int argc, char **argv)
{
	int values[2] = { 3, 4 };
	struct thing thing = { table[0] };

	orchestrate_mutant = argc - 1;
	nothing();
	set(&thing, add, values);
	printf("%d %d %u", thing.count, scaled(&thing), factorial(4));
	return 0;
}
"""


def changed(*replacements: tuple[str, str]) -> str:
    text = ORIGINAL
    for before, after in replacements:
        assert before in text
        text = text.replace(before, after)
    return text


MUTANTS = {
    1: changed(("a + b", "a - b")),
    2: changed(("return thing->count;", "return -thing->count;"), ("a + b", "a * b")),
    3: changed(("thing->count = how(values[0], values[1]);", "thing->count = 7;")),
    4: changed(("n * factorial(n - 1)", "n + factorial(n - 1)")),
    5: changed(
        ("static unsigned int factorial", "static int zero(void)\n{\n\treturn 0;\n}\n\nstatic unsigned int factorial"),
        ("return 1;", "return zero();"),
    ),
}
SAID = {0: "7 7 24", 1: "-1 -1 24", 2: "12 -12 24", 3: "7 7 24", 4: "7 7 10", 5: "7 7 0"}


def test_every_number_behaves_as_its_mutant_and_0_as_the_original(tmp_path: Path) -> None:
    source, program = tmp_path / "schemata.c", tmp_path / "schemata"
    source.write_text(metamutant(ORIGINAL, MUTANTS) + MAIN)
    subprocess.run(["gcc", "-Wall", "-Werror", "-o", program, source], check=True)
    for number, said in SAID.items():
        arguments = ["x"] * number
        assert subprocess.run([program, *arguments], check=True, capture_output=True, text=True).stdout == said, number


def test_a_function_that_is_compiled_out_does_not_take_the_declaration_with_it(tmp_path: Path) -> None:
    mutants = {1: changed(("thing->count * 2", "thing->count * 3")), 2: changed(("n * factorial", "n + factorial"))}
    source = tmp_path / "schemata.c"
    source.write_text(metamutant(ORIGINAL, mutants))
    subprocess.run(["gcc", "-Werror", "-c", "-o", "/dev/null", source], check=True)


def test_what_a_slip_leaves_unused_or_unset_is_not_fatal_and_the_same_elsewhere_is(tmp_path: Path) -> None:
    body = "{\n\tint sum;\n\n\tif (a > b)\n\t\tgoto out;\n\tsum = a + b;\n\treturn sum;\nout:\n\treturn a;\n}"
    original = changed(("{\n\treturn a + b;\n}", body))
    slips = (("sum = a + b;", ""), ("goto out;", "return b;"), ("return sum;", "return 0;"), ("sum = a + b;", "a + b;"))
    mutants = {number: original.replace(*slip) for number, slip in enumerate(slips, 1)}
    strict = ["gcc", "-O2", "-Wall", "-Werror", "-c", "-o", tmp_path / "object"]
    source = tmp_path / "schemata.c"
    source.write_text(metamutant(original, mutants) + MAIN)
    subprocess.run([*strict, source], check=True)
    for slip, text in zip(slips, mutants.values(), strict=True):
        source.write_text(text + MAIN)
        assert subprocess.run([*strict, source], check=False, capture_output=True).returncode != 0, slip


SYSTEM_CALL = """\
#include <stdio.h>
#define SYSCALL_DEFINE2(name, t1, a1, t2, a2) long sys_##name(t1 a1, t2 a2)
SYSCALL_DEFINE2(brk, int, a, int, b)
{
	int found = 1;

	if (a > b)
		goto out;
	found = 2;
out:
	return found;
}
"""


def test_a_system_call_is_switched_within_its_body(tmp_path: Path) -> None:
    mutants = {
        1: SYSTEM_CALL.replace("a > b", "!(a > b)"),
        2: SYSTEM_CALL.replace("= 2", "= 3").replace("goto out", ";"),
    }
    source, program = tmp_path / "call.c", tmp_path / "call"
    main = "int orchestrate_mutant;\nint main(int argc, char **argv)\n{\n\torchestrate_mutant = argc - 1;\n"
    main += '\tprintf("%ld %ld", sys_brk(2, 1), sys_brk(1, 2));\n\treturn 0;\n}\n'
    source.write_text(metamutant(SYSTEM_CALL, mutants) + main)
    subprocess.run(["gcc", "-Wall", "-Wno-unused-label", "-Werror", "-o", program, source], check=True)
    said = [subprocess.run([program, *["x"] * n], check=True, capture_output=True, text=True).stdout for n in range(3)]
    assert said == ["1 2", "2 1", "3 3"]
    asm = SYSTEM_CALL.replace("found = 2;", 'asm goto("" : : : : out);')
    with pytest.raises(CannotSwitch, match=r"9: brk.* has labels that only assembly"):
        metamutant(asm, {9: asm.replace("a > b", "a < b")})


def test_splitting_loses_nothing_and_finds_the_functions() -> None:
    parts = split_functions(ORIGINAL)
    assert "".join(part if isinstance(part, str) else part.text for part in parts) == ORIGINAL
    functions = [part for part in parts if isinstance(part, Function)]
    assert [function.key for function in functions] == [
        ("add", 0), ("scaled", 0), ("scaled", 1), ("set", 0), ("factorial", 0),
    ]  # fmt: skip
    assert functions[0].head == "static int add(int a, int b)\n\n"


@pytest.mark.parametrize(
    ("mutated", "why"),
    [
        (changed(("int count;", "long count;")), "outside of function bodies"),
        (changed(("static inline void nothing(void) {}", "static inline void nothing(void) { ; }")), "outside"),
        (changed(("add(int a, int b)", "add(int b, int a)")), "the head of add"),
        (ORIGINAL, "no function is changed"),
        (changed(("static int add(int a, int b)\n\n{\n\treturn a + b;\n}\n", "")), "is gone"),
    ],
)
def test_what_cannot_be_switched_is_refused_with_the_reason(mutated: str, why: str) -> None:
    with pytest.raises(CannotSwitch, match=f"9: .*{why}"):
        metamutant(ORIGINAL, {9: mutated})


def test_arguments_that_cannot_be_passed_on_are_refused() -> None:
    text = "int say(const char *format, ...)\n{\n\treturn 0;\n}\n"
    with pytest.raises(CannotSwitch, match=r"1: .*'\.\.\.'"):
        metamutant(text, {1: text.replace("0", "1")})
