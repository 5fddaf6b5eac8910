"""The rule for the culprit function, by stacks whose frames say their role: `own:foo`."""

from __future__ import annotations

import pytest

from orchestrator.parse.logs.code_places import Role
from orchestrator.parse.logs.culprit import Culprit, Walk, culprit
from orchestrator.parse.logs.stack_frames import CodeFrame


def frames(stack: str) -> list[CodeFrame]:
    """`|` stands where the log says that an interrupt came."""
    is_first, found = False, list[CodeFrame]()
    for word in stack.split():
        if word != "|":
            found.append(CodeFrame(word, is_first=is_first))
        is_first = word == "|"
    return found


def role(frame: CodeFrame) -> Role:
    return Role(frame.function.partition(":")[0])


def named(walk: Walk, *stacks: str, first: str = "") -> str:
    found = culprit(walk, [frames(stack) for stack in stacks], CodeFrame(first) if first else None, role)
    return found.function.partition(":")[2]


@pytest.mark.parametrize(
    ("stack", "function"),
    [
        ("printer:dump library:memcpy own:foo own:bar", "foo"),
        ("service:timer library:lock own:foo trap:entry", "foo"),  # a subsystem asked for it
        ("library:lock service:timer entry:softirq own:innocent", "timer"),  # nobody did
        ("library:list service:ring dispatch:read trap:entry", "ring"),
        ("library:list dispatch:fput entry:exit", "fput"),
        ("library:list asked:get own:foo own:bar", "foo"),
        ("library:list asked:get service:timer own:foo", "foo"),
        ("library:list asked:inner asked:get dispatch:read trap:entry", "get"),  # who asked for the inner one
        ("library:list asked:get entry:work own:innocent", "get"),
        ("library:list asked:get trap:irq own:innocent", "get"),
        ("service:ring asked:get dispatch:probe own:innocent", "get"),
        ("library:list entry:work entry:kthread", "work"),
        ("printer:dump trap:int3 trap:int3_entry own:foo own:bar", "foo"),  # what trapped
        ("printer:dump dispatch:notify trap:nmi own:foo", "foo"),  # what printed it had notifiers called
        ("printer:dump library:list service:timer trap:irq own:innocent", "timer"),
        ("printer:dump library:list service:timer | own:innocent", "timer"),
        ("printer:dump library:list library:lock trap:entry", "list"),  # rather than nothing
        ("printer:dump trap:entry", ""),
        ("trap:irq_of_a_controller", "irq_of_a_controller"),
        ("", ""),
    ],
)
def test_the_innermost_function_of_a_subsystem(stack: str, function: str) -> None:
    first = "library:list" if "library:list service:timer" in stack else ""
    assert named(Walk.INNERMOST, stack, first=first) == function


def test_the_search_begins_at_the_function_that_the_report_names() -> None:
    stack = "printer:dump own:chatty library:list own:foo"
    assert named(Walk.INNERMOST, stack, first="library:list") == "foo"
    assert named(Walk.INNERMOST, stack, first="own:elsewhere") == "elsewhere"
    assert named(Walk.INNERMOST, "printer:dump trap:entry own:foo", first="library:inlined") == "foo"


@pytest.mark.parametrize(
    ("stacks", "function"),
    [
        (["library:lock own:step own:loop own:ioctl dispatch:vfs dispatch:call trap:entry"], "ioctl"),
        (["own:loop own:more"], "loop"),  # no entry is in sight
        (["printer:dump own:driver_of_the_clock trap:irq own:loop own:ioctl trap:entry"], "ioctl"),
        (["own:step own:timer service:run entry:softirq trap:irq own:innocent trap:entry"], "timer"),
        (["own:step own:timer service:run entry:softirq | own:innocent trap:entry"], "timer"),
        (["service:gp entry:kthread trap:fork", "own:step own:loop trap:entry"], "loop"),
        (["dispatch:open dispatch:path trap:entry"], "path"),
        (["library:halt entry:idle trap:start"], "idle"),
        (["library:lock service:purge service:purge_work entry:work entry:kthread"], "purge_work"),
        (["printer:gp entry:kthread trap:fork", "library:halt entry:idle trap:start"], "idle"),
        (["printer:dump service:tick trap:irq"], "tick"),
        (["library:ipi printer:toggle entry:work entry:kthread"], "toggle"),  # it is at work by itself
    ],
)
def test_the_function_through_which_a_stalled_subsystem_was_entered(stacks: list[str], function: str) -> None:
    assert named(Walk.OUTERMOST, *stacks) == function


def test_a_stall_in_files_alone_has_the_name_of_the_system_call() -> None:
    def by_name(frame: CodeFrame) -> Role:
        return Role.TRAP if frame.function == "entry" else Role.DISPATCH

    stack = [CodeFrame(name) for name in ("lookup", "walk", "sys_openat", "entry")]
    assert culprit(Walk.OUTERMOST, [stack], None, by_name) == Culprit("sys_openat")


@pytest.mark.parametrize(
    ("stack", "function"),
    [
        ("service:switch library:schedule library:mutex own:foo dispatch:vfs", "foo"),
        ("library:schedule library:mutex dispatch:unlink trap:entry", "unlink"),
        ("library:schedule entry:exit trap:entry", "exit"),
        ("library:schedule library:down trap:fault trap:entry", "fault"),
    ],
)
def test_who_waits(stack: str, function: str) -> None:
    assert named(Walk.BLOCKED, stack) == function


def test_the_caller_is_the_next_function_of_a_subsystem() -> None:
    found = culprit(Walk.INNERMOST, [frames("own:foo library:sort own:foo own:bar")], None, role)
    assert found == Culprit("own:foo", "own:bar")
