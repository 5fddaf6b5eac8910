"""The ordering mutants' litmus tests, run: x86 never shows the outcome, a weaker machine does, and the original's
order forbids it there too.

litmus/herd7.txt is what herd7 said of them; herd7 is not in Debian 12. This is a small stand-in for the subset of
LKMM's C that these tests are written in, and it knows x86. x86 is TSO: each CPU has a store buffer, first in first out,
which an atomic read-modify-write empties. The weaker machine does an access when everything it is ordered behind is
done: accesses to the same variable, an acquire, whatever precedes a release, and a store's condition. Stores reach all
others at once on it, so it is stricter than LKMM: what it shows, LKMM allows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

LITMUS = sorted((Path(__file__).resolve().parents[2] / "patches/vm_refcnt-mutants/litmus").glob("*.litmus"))
ACCESS = re.compile(
    r"(?:(?P<reg>r\d) = )?"
    r"(?P<what>WRITE_ONCE|READ_ONCE|smp_store_release|smp_load_acquire|atomic_\w+)\((?P<args>[^)]*)\);"
)
CONDITION = re.compile(r"if \((?P<reg>r\d) == (?P<value>\d+)\)")


@dataclass(frozen=True)
class Access:
    """One access to memory. `add` is what a read-modify-write adds."""

    var: str
    reg: str = ""
    store: int | None = None
    add: int | None = None
    is_acquire: bool = False
    is_release: bool = False
    condition: tuple[str, int] | None = None

    @property
    def reads(self) -> bool:
        return self.store is None


Registers = frozenset[tuple[str, int]]


@dataclass(frozen=True)
class Cpu:
    done: frozenset[int] = frozenset()
    registers: Registers = frozenset()
    buffer: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class Machine:
    memory: tuple[tuple[str, int], ...]
    cpus: tuple[Cpu, ...]


@dataclass(frozen=True)
class Litmus:
    memory: tuple[tuple[str, int], ...]
    threads: tuple[tuple[Access, ...], ...]
    exists: tuple[tuple[int, str, int], ...]


def parse(text: str) -> Litmus:
    text = re.sub(r"\(\*.*?\*\)", "", text, flags=re.DOTALL)
    memory = tuple((name, int(value)) for name, value in re.findall(r"^\t(\w+)=(\d+);", text, re.MULTILINE))
    bodies = re.findall(r"^P\d\([^)]*\)\n\{\n(.*?)^\}", text, re.MULTILINE | re.DOTALL)
    exists = re.search(r"^exists \((.*)\)$", text, re.MULTILINE)
    assert exists
    assert len(bodies) > 1, memory
    return Litmus(
        memory=memory,
        threads=tuple(tuple(accesses(body)) for body in bodies),
        exists=tuple((int(p), reg, int(v)) for p, reg, v in re.findall(r"(\d+):(r\d)=(\d+)", exists[1])),
    )


def accesses(body: str) -> Iterator[Access]:
    condition: tuple[str, int] | None = None
    for line in body.splitlines():
        line = line.strip()
        if not line or line.startswith("int "):
            continue
        if found := CONDITION.fullmatch(line):
            condition = (found["reg"], int(found["value"]))
            continue
        match = ACCESS.fullmatch(line)
        assert match, line
        yield replace(access(match), condition=condition)
        condition = None


def access(match: re.Match[str]) -> Access:
    what, reg = match["what"], match["reg"] or ""
    args = [arg.strip().lstrip("*") for arg in match["args"].split(",")]
    orders = {"is_acquire": what.endswith("_acquire"), "is_release": what.endswith("_release")}
    if change := re.match(r"atomic_fetch_(add|sub)_", what):
        add = int(args[0]) * (1 if change[1] == "add" else -1)
        return Access(args[1], reg, add=add, **orders)
    if what in ("READ_ONCE", "smp_load_acquire", "atomic_read"):
        return Access(args[0], reg, **orders)
    assert what in ("WRITE_ONCE", "smp_store_release", "atomic_set", "atomic_set_release"), what
    return Access(args[0], store=int(args[1]), **orders)


Outcome = frozenset[tuple[int, str, int]]


def is_reached(test: Litmus, *, is_tso: bool) -> bool:
    """Whether the exists clause is reached."""
    return frozenset(test.exists) in outcomes(test, is_tso=is_tso)


def outcomes(test: Litmus, *, is_tso: bool) -> set[Outcome]:
    """The values that the registers of the exists clause can have in the end."""
    start = Machine(test.memory, tuple(Cpu() for _ in test.threads))
    known, todo, found = {start}, [start], set()
    asked = {(p, reg) for p, reg, _ in test.exists}
    while todo:
        machine = todo.pop()
        following = [after for number in range(len(test.threads)) for after in steps(test, machine, number, is_tso)]
        if not following:
            ended = ((p, reg, value) for p, cpu in enumerate(machine.cpus) for reg, value in cpu.registers)
            found.add(frozenset(entry for entry in ended if entry[:2] in asked))
        fresh = {after for after in following if after not in known}
        known |= fresh
        todo += fresh
    return found


def steps(test: Litmus, machine: Machine, number: int, is_tso: bool) -> Iterator[Machine]:
    cpu, thread = machine.cpus[number], test.threads[number]
    memory = dict(machine.memory)

    def then(mine: Cpu, changed: dict[str, int]) -> Machine:
        cpus = (*machine.cpus[:number], mine, *machine.cpus[number + 1 :])
        return Machine(tuple(sorted({**memory, **changed}.items())), cpus)

    if cpu.buffer:
        (var, value), *rest = cpu.buffer
        yield then(replace(cpu, buffer=tuple(rest)), {var: value})
    for at, op in enumerate(thread):
        before = [i for i in range(at) if is_tso or is_ordered(thread[i], op)]
        if at in cpu.done or not cpu.done.issuperset(before):
            continue
        done = replace(cpu, done=cpu.done | {at})
        if op.condition and op.condition not in cpu.registers:
            yield then(done, {})
        elif op.store is not None and is_tso:
            yield then(replace(done, buffer=(*cpu.buffer, (op.var, op.store))), {})
        elif op.store is not None:
            yield then(done, {op.var: op.store})
        elif op.add is None or not cpu.buffer:
            value = dict(cpu.buffer).get(op.var, memory[op.var])
            registers = cpu.registers | {(op.reg, value)}
            yield then(replace(done, registers=registers), {op.var: value + op.add} if op.add is not None else {})


def is_ordered(first: Access, second: Access) -> bool:
    depends = second.condition is not None and second.condition[0] == first.reg
    return first.var == second.var or first.is_acquire or second.is_release or depends


@pytest.mark.parametrize("path", LITMUS, ids=lambda path: path.stem)
def test_x86_never_shows_what_a_weaker_machine_does(path: Path) -> None:
    text = path.read_text()
    assert not is_reached(parse(text), is_tso=True)
    assert is_reached(parse(text), is_tso=False)


@pytest.mark.parametrize("path", LITMUS, ids=lambda path: path.stem)
def test_the_original_order_forbids_it_everywhere(path: Path) -> None:
    assert not is_reached(parse(in_original_order(path)), is_tso=False)


def in_original_order(path: Path) -> str:
    head, end, body = path.read_text().partition("*)")
    mutated, original = (re.search(rf"^ \* {word}: (.*)$", head, re.MULTILINE) for word in ("Mutated", "Original"))
    assert mutated
    assert original
    assert mutated[1] in body
    return head + end + body.replace(mutated[1], original[1])


@dataclass(frozen=True)
class Verdict:
    """What herd7 printed about a test."""

    is_allowed: bool
    outcomes: frozenset[Outcome]
    condition: Outcome


def of_herd7(name: str, which: str) -> Verdict:
    text = (LITMUS[0].parent / "herd7.txt").read_text()
    section = re.search(rf"^# {name}, {which}: [^\n]*\n(.*?)(?=^# |\Z)", text, re.MULTILINE | re.DOTALL)
    assert section, (name, which)
    observed = re.search(rf"^Observation {name} (Never|Sometimes|Always) ", section[1], re.MULTILINE)
    condition = re.search(r"^Condition exists \((.*)\)$", section[1], re.MULTILINE)
    assert observed
    assert condition
    states = re.findall(r"^(?:\d:r\d=\d+; ?)+$", section[1], re.MULTILINE)
    assert section[1].splitlines()[1] == f"States {len(states)}"
    return Verdict(observed[1] != "Never", frozenset(map(outcome, states)), outcome(condition[1]))


def outcome(text: str) -> Outcome:
    return frozenset((int(p), reg, int(value)) for p, reg, value in re.findall(r"(\d):(r\d)=(\d+)", text))


@pytest.mark.parametrize("path", LITMUS, ids=lambda path: path.stem)
def test_herd7_agrees(path: Path) -> None:
    """Its verdicts, and that each machine shows only what LKMM allows."""
    mutated, original = of_herd7(path.stem, "mutated"), of_herd7(path.stem, "original")
    assert mutated.is_allowed
    assert not original.is_allowed
    for verdict, text in ((mutated, path.read_text()), (original, in_original_order(path))):
        test = parse(text)
        assert verdict.condition == frozenset(test.exists)
        assert outcomes(test, is_tso=True) <= verdict.outcomes
        assert outcomes(test, is_tso=False) <= verdict.outcomes


def test_the_store_buffer_is_there() -> None:
    """Each CPU stores to one variable and reads the other: both may read the old value, on x86 too."""
    body = "P{0}(int *x, int *y)\n{{\n\tint r0;\n\n\tWRITE_ONCE(*{1}, 1);\n\tr0 = READ_ONCE(*{2});\n}}\n\n"
    text = (
        "{\n\tx=0;\n\ty=0;\n}\n\n"
        + body.format(0, "x", "y")
        + body.format(1, "y", "x")
        + "exists (0:r0=0 /\\ 1:r0=0)\n"
    )
    assert is_reached(parse(text), is_tso=True)
    full = re.sub(r"WRITE_ONCE\(\*(\w), 1\)", r"r1 = atomic_fetch_add_relaxed(1, \1)", text)
    assert not is_reached(parse(full), is_tso=True)
