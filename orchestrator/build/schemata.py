"""Many mutants in one source text, switched at run time (mutant schemata). Pure text, kernel style.

For each function that a mutant changes, a renamed copy of the changed function goes before the original, which begins
with a switch over the number of the mutant that the kernel was booted with. So all mutants cost one build, and with
number 0 each function runs its original body. What a slip leaves unused is no fatal warning there.

A function is recognised by kernel style: its head begins in the first column, its body lies between a `{` and a `}`
that stand alone in the first column. What lies between functions must be the same in all mutants, but for functions
that a mutant adds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

SWITCH = "orchestrate_mutant"
DECLARATION = f"extern int {SWITCH};\n"

# What a mutant may well leave unused or unset. With CONFIG_WERROR each would cost the kernel of all mutants
_HARMLESS = ("unused-variable", "unused-but-set-variable", "unused-label", "unused-value", "uninitialized")
_TOLERANT = (
    "#pragma GCC diagnostic push\n"
    + "".join(f'#pragma GCC diagnostic warning "-W{name}"\n' for name in _HARMLESS)
    + '#ifndef __clang__\n#pragma GCC diagnostic warning "-Wmaybe-uninitialized"\n#endif\n'
)
_STRICT_AGAIN = "#pragma GCC diagnostic pop\n"
_NOT_NAMES = frozenset({"__attribute__", "__printf", "__aligned", "__section", "__cond_acquires"})
_MACRO_HEAD = re.compile(r"[A-Z][A-Z0-9_]*\(")  # DEFINE_IDTENTRY(…): no function to copy by name
_SYSCALL = re.compile(r"(?:COMPAT_)?SYSCALL_DEFINE\d\(\s*(?P<name>\w+)")  # its body always returns
_GOTO = re.compile(r"\bgoto\s+([A-Za-z_]\w*)\s*;")
_ASM_GOTO = re.compile(
    r"\b(?:asm|__asm__)\w*(?:\s+(?:volatile|inline|__volatile__))*\s+goto\b|\basm_(?:volatile_)?goto|&&\s*[a-z_]\w*\s*;"
)
_CALLED = re.compile(r"([A-Za-z_]\w*)\s*\(")
_LAST_NAME = re.compile(r"([A-Za-z_]\w*)\s*(?:\[[^\]]*\]\s*)*$")
_POINTER_NAME = re.compile(r"\(\s*\*\s*([A-Za-z_]\w*)\s*\)\s*\(")


class CannotSwitch(ValueError):
    """A mutant changes something that is not the body of a function; the message says what."""


@dataclass(frozen=True)
class Function:
    """One function definition. `text` is head and body; `key` is its name and which of that name it is (#ifdef)."""

    name: str
    key: tuple[str, int]
    head: str
    body: str  # from the line of { to the line of }

    @property
    def text(self) -> str:
        return self.head + self.body

    @property
    def returns_nothing(self) -> bool:
        return bool(re.match(r"(?:[a-z_]+\s+)*void\s+(?!\*)", _return_type(self)))


def metamutant(original: str, mutants: Mapping[int, str]) -> str:
    """The original with the functions of all mutants (number -> the whole text as it has it), switched by number.

    Raises CannotSwitch, whose message begins with the number of the mutant.
    """
    parts = split_functions(original)
    roles: dict[tuple[str, int], dict[int, Function]] = {}
    added: dict[tuple[str, int] | None, list[str]] = {}
    for number, text in sorted(mutants.items()):
        try:
            _collect(number, parts, split_functions(text), roles, added)
        except CannotSwitch as error:
            raise CannotSwitch(f"{number}: {error}") from None
    pieces: list[str] = []
    for part in parts:
        if isinstance(part, str):
            pieces.append(part)
            continue
        pieces += added.get(part.key, [])
        if part.key not in roles:
            pieces.append(part.text)
            continue
        pieces.append(DECLARATION)  # each time: an earlier one may stand behind an #if that does not hold
        try:
            pieces += (_TOLERANT, _switched(part, roles[part.key]), _STRICT_AGAIN)
        except CannotSwitch as error:
            raise CannotSwitch(f"{min(roles[part.key])}: {error}") from None
    return "".join(pieces)


def _collect(
    number: int,
    parts: Sequence[Function | str],
    mutated: Sequence[Function | str],
    roles: dict[tuple[str, int], dict[int, Function]],
    added: dict[tuple[str, int] | None, list[str]],
) -> None:
    """Which functions a mutant changes, and which it adds."""
    known = {part.key: part for part in parts if isinstance(part, Function)}
    theirs = {part.key: part for part in mutated if isinstance(part, Function)}
    if gone := [key[0] for key in known if key not in theirs]:
        raise CannotSwitch(f"{gone[0]}() is gone")
    before: list[str] = []
    changed = False
    for part in mutated:
        if isinstance(part, str):
            continue
        if part.key not in known:
            before.append(_renamed_definition(part) + "\n")
            continue
        if before:
            added.setdefault(part.key, []).extend(before)
            before = []
        if part.text == known[part.key].text:
            continue
        if _squeezed(part.head) != _squeezed(known[part.key].head):
            raise CannotSwitch(f"the head of {part.name}() is changed")
        roles.setdefault(part.key, {})[number] = part
        changed = True
    if before:
        raise CannotSwitch("a function is added behind the last one")
    if _between(parts) != _between([part for part in mutated if isinstance(part, str) or part.key in known]):
        raise CannotSwitch("something outside of function bodies is changed")
    if not changed:
        raise CannotSwitch("no function is changed")


def _renamed_definition(function: Function) -> str:
    """A function that only a mutant has: its own name must be new, so it can stay as it is."""
    return function.text if re.match(r"\s*static\b", function.head) else "static " + function.text


def _between(parts: Sequence[Function | str]) -> str:
    """What lies outside of functions, without blank lines: an added function brings its own."""
    text = "".join(part for part in parts if isinstance(part, str))
    return "\n".join(line for line in text.splitlines() if line.strip())


def _squeezed(text: str) -> str:
    return " ".join(text.split())


def _switched(function: Function, roles: Mapping[int, Function]) -> str:
    if _SYSCALL.match(function.head):
        return _switched_within(function, roles)
    names = ", ".join(_parameters(function))
    copies, cases = [], []
    for number, role in sorted(roles.items()):
        name = f"{function.name}__mutant{number}"
        head = re.sub(rf"\b{re.escape(function.name)}(?=\s*\()", name, role.head, count=1)
        head = head if re.match(r"\s*static\b", head) else "static " + re.sub(r"^extern\s+", "", head)
        copies.append(f"{head}{role.body}\n")
        call = f"{name}({names})"
        leave = f"{call};\n\t\treturn;" if function.returns_nothing else f"return {call};"
        cases.append(f"\tcase {number}:\n\t\t{leave}\n")
    body = function.body.removeprefix("{\n")
    switch = f"{{\n\tswitch ({SWITCH}) {{\n{''.join(cases)}\t}}\n"
    # a copy may call the original (recursion), which then must be known
    calls_itself = any(re.search(rf"\b{re.escape(function.name)}\s*\(", v.body) for v in roles.values())
    prototype = f"{function.head.rstrip()};\n" if calls_itself else ""
    return f"{prototype}{''.join(copies)}{function.head}{switch}{body}"


def _switched_within(function: Function, roles: Mapping[int, Function]) -> str:
    """A function that a macro makes cannot be copied, for its names would be there twice. So its bodies lie in it, one
    in each case; each returns."""
    cases = []
    for number, role in sorted(roles.items()):
        body = role.body
        if _ASM_GOTO.search(body):
            raise CannotSwitch(f"{function.name}() has labels that only assembly or pointers name")
        for label in sorted({*_GOTO.findall(body), *_GOTO.findall(function.body)}):  # a mutant may miss the only goto
            new = f"{label}__mutant{number}"
            body = re.sub(rf"\bgoto(\s+){label}(\s*;)", rf"goto\1{new}\2", body)
            body = re.sub(rf"^([ \t]*){label}([ \t]*:)", rf"\1{new}\2", body, flags=re.MULTILINE)
        cases.append(f"\tcase {number}:\n{body}\tbreak;\n")
    switch = f"{{\n\tswitch ({SWITCH}) {{\n{''.join(cases)}\t}}\n"
    return function.head + switch + function.body.removeprefix("{\n")


def _return_type(function: Function) -> str:
    return _squeezed(function.head[: _name_at(function.head)]) + " "


def _parameters(function: Function) -> Iterator[str]:
    head = function.head
    start = head.index("(", _name_at(head))
    for parameter in _arguments(head, start):
        if parameter in ("", "void"):
            continue
        match = _POINTER_NAME.search(parameter) or _LAST_NAME.search(parameter)
        if parameter == "..." or not match:
            raise CannotSwitch(f"the parameter {parameter!r} of {function.name}() cannot be passed on")
        yield match[1]


def _arguments(text: str, start: int) -> Iterator[str]:
    """What stands between the commas of the parenthesis that opens at `start`."""
    depth, begin = 0, start + 1
    for at in range(start, len(text)):
        if text[at] in "([":
            depth += 1
        elif text[at] in ")]":
            depth -= 1
        if (text[at] == "," and depth == 1) or depth == 0:
            yield _squeezed(text[begin:at])
            begin = at + 1
        if depth == 0:
            return


def _name_at(head: str) -> int:
    """Where the function's name begins in its head."""
    for match in _CALLED.finditer(head):
        if match[1] not in _NOT_NAMES:
            return match.start()
    raise CannotSwitch(f"no function name in {_squeezed(head)!r}")


def split_functions(text: str) -> list[Function | str]:
    """A source text as functions and what lies between them. Joined again it is the same text."""
    lines = text.splitlines(keepends=True)
    parts: list[Function | str] = []
    seen: dict[str, int] = {}
    begin = at = 0
    while at < len(lines):
        if lines[at].rstrip() != "{" or not lines[at].startswith("{"):
            at += 1
            continue
        head = _head_start(lines, begin, at)
        end = next((i for i in range(at + 1, len(lines)) if lines[i].rstrip() == "}" and lines[i][0] == "}"), None)
        name = _definition_name("".join(lines[head:at])) if end is not None else None
        if end is None or name is None:
            at += 1
            continue
        if head > begin:
            parts.append("".join(lines[begin:head]))
        key = (name, seen.get(name, 0))
        seen[name] = seen.get(name, 0) + 1
        parts.append(Function(name, key, "".join(lines[head:at]), "".join(lines[at : end + 1])))
        begin = at = end + 1
    if begin < len(lines):
        parts.append("".join(lines[begin:]))
    return parts


def _head_start(lines: Sequence[str], begin: int, brace: int) -> int:
    """The head's first line: up to the end of whatever comes before it."""
    at = brace
    if at - 1 > begin and not lines[at - 1].strip() and lines[at - 2].rstrip().endswith(")"):
        at -= 1  # some leave a blank line between head and body
    while at > begin and not re.match(r"\s*$|[#}]|.*\*/\s*$|\s*/[/*]|.*[;}]\s*$", lines[at - 1]):
        at -= 1
    return at


def _definition_name(head: str) -> str | None:
    if match := _SYSCALL.match(head):
        return match["name"]
    if not head.strip() or head[0].isspace() or _MACRO_HEAD.match(head):
        return None
    try:
        at = _name_at(head)
    except CannotSwitch:
        return None
    match = _CALLED.match(head, at)
    return match[1] if match else None
