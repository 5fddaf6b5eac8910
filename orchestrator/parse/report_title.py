"""What a kernel report is called: stable over runs, so that the same bug has the same title.

No addresses, offsets, process numbers, CPU numbers or build ids; the culprit function is the first one that
data/ignored-frames.toml does not list. Where a report that was cut has ignored frames only, its first function is
named, unless it is one that printed the report.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from orchestrator.parse.report_kinds import KindTable, ReportKind
from orchestrator.parse.report_lines import OWN, functions, plain_name, stacks, stale

_SCRUBS = (
    (re.compile(r"\+0x[0-9a-f]+(/0x[0-9a-f]+)?"), ""),
    (re.compile(r"\b(?:0x)?[0-9a-f]{12,16}\b"), "ADDR"),
    (re.compile(r"\b(CPU#|cpu |CPU |CPU: )\d+"), r"\1N"),
    (re.compile(r"\b(pid|PID)([:= ]+)\d+"), r"\1\2N"),
    (re.compile(r"\s+"), " "),
)


_PLACES = ("one", "place", "work")  # fields that name a function too, where the report says more than its trace


def title(kinds: Sequence[ReportKind], messages: Sequence[str], table: KindTable) -> tuple[str, str]:
    """The first title, of the kind that names the report, whose fields are all found in it; the culprit function.

    `kinds` are all that the report is: the function may be named in the line of another one.
    """
    kind = min(kinds, key=lambda kind: kind.priority)
    fields = _fields(kind, messages)
    named = [fields.pop("function", ""), *(_fields(other, messages).get("function", "") for other in kinds)]
    function = _function(kind, messages, [name for name in named if name], table)
    place = next((fields[name] for name in _PLACES if name in fields), "")
    if function and not (place and table.ignored.fullmatch(function)):
        fields["function"] = function
    for template in kind.titles:
        needed = re.findall(r"\{(\w+)\}", template)
        if all(field in fields for field in needed):
            return template.format_map(fields)[:200], function if "function" in needed else place or function
    return kind.titles[-1], function  # needs no field, as the table's check says


def _fields(kind: ReportKind, messages: Sequence[str]) -> dict[str, str]:
    fields: dict[str, str] = {}
    for message in messages:
        match = next((match for pattern in kind.start if (match := pattern.match(message))), None)
        if match:
            fields = {**{name: _scrubbed(value) for name, value in match.groupdict().items() if value}, **fields}
            if kind.kind not in kind.absorbs:  # a line that is there for each inlined function names the real one last
                break
    for name, pattern in kind.fields:
        found = next((match[1] for message in messages if (match := pattern.search(message))), None)
        if found and name not in fields:
            fields[name] = _scrubbed(found)
    return fields


def _scrubbed(text: str) -> str:
    for pattern, replacement in _SCRUBS:
        text = pattern.sub(replacement, text)
    return plain_name(text).strip()


def _function(kind: ReportKind, messages: Sequence[str], named: Sequence[str], table: KindTable) -> str:
    """The first function that is not an ignored frame; if all are, the first one."""
    after = 0
    if kind.trace_after:
        after = next((i for i, message in enumerate(messages) if kind.trace_after.match(message)), len(messages))
    found = stacks(messages[after:], table.lines)
    own = found if kind.trace_after else [stack for stack in found if stack.name == OWN]
    candidates = [*map(plain_name, named), *(functions(own) or stale(messages[after:]))]
    culprit = next((name for name in candidates if not table.ignored.fullmatch(name)), None)
    return culprit or next((name for name in candidates if not table.printers.fullmatch(name)), "")
