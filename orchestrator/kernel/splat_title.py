"""What a kernel report is called: stable over runs, so that the same bug has the same title.

No addresses, offsets, process numbers, CPU numbers or build ids; the guilty function is the first one that is not
plumbing (data/plumbing.toml).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from orchestrator.kernel.splat_kinds import Kind, Table
from orchestrator.kernel.splat_lines import functions, plain, stacks

_SCRUBS = (
    (re.compile(r"\+0x[0-9a-f]+(/0x[0-9a-f]+)?"), ""),
    (re.compile(r"\b(?:0x)?[0-9a-f]{12,16}\b"), "ADDR"),
    (re.compile(r"\b(CPU#|cpu |CPU |CPU: )\d+"), r"\1N"),
    (re.compile(r"\b(pid|PID)([:= ]+)\d+"), r"\1\2N"),
    (re.compile(r"\s+"), " "),
)


def title(kind: Kind, messages: Sequence[str], table: Table) -> tuple[str, str]:
    """The first of the kind's titles whose fields are all found in the report, and the guilty function, if any."""
    fields = _fields(kind, messages)
    function = _function(kind, messages, fields.pop("function", ""), table)
    if function:
        fields["function"] = function
    for template in kind.titles:
        if all(field in fields for field in re.findall(r"\{(\w+)\}", template)):
            return template.format_map(fields)[:200], function or fields.get("place", "")
    return kind.titles[-1], function  # needs no field, as the table's check says


def _fields(kind: Kind, messages: Sequence[str]) -> dict[str, str]:
    fields: dict[str, str] = {}
    for message in messages:
        match = next((match for pattern in kind.start if (match := pattern.match(message))), None)
        if match:
            fields = {name: _scrubbed(value) for name, value in match.groupdict().items() if value}
            break
    for name, pattern in kind.fields:
        found = next((match[1] for message in messages if (match := pattern.search(message))), None)
        if found and name not in fields:
            fields[name] = _scrubbed(found)
    return fields


def _scrubbed(text: str) -> str:
    for pattern, replacement in _SCRUBS:
        text = pattern.sub(replacement, text)
    return text.strip()


def _function(kind: Kind, messages: Sequence[str], named: str, table: Table) -> str:
    """The first one that is not plumbing; the first one when all are."""
    after = 0
    if kind.trace_after:
        after = next((i for i, message in enumerate(messages) if kind.trace_after.match(message)), 0)
    candidates = [plain(named)] if named else []
    candidates += functions(stacks(messages[after:], table.lines))
    guilty = next((name for name in candidates if not table.plumbing.fullmatch(name)), None)
    return guilty or (candidates[0] if candidates else "")
