"""YAML without its traps: mappings, lists and text, as deep and as large as a person writes them.

It is made from the parser's events, in one pass without recursion. An alias is the value that its anchor names, and
counts as often as it is used, so that a few lines cannot stand for billions. Tags are refused: what a value is says the
type of its field.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from orchestrator.codec import Place
from orchestrator.declarations.schema import Plain

MAX_DEPTH = 32
MAX_VALUES = 10_000
_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)  # libyaml's, where PyYAML was built with it
_TABS = "YAML is indented with spaces"


class NotYaml(Exception):
    """What is wrong, in which line (from 1; 0 where that is not known), and what to do about it."""

    def __init__(self, what: str, line: int = 0, hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.line = line
        self.hint = hint


@dataclass
class _Open:
    """A list or mapping whose end has not come."""

    value: list[Any] | dict[str, Any]
    anchor: str | None
    before: int  # values before it
    key: str | None = None  # of a mapping, the one whose value comes next

    @property
    def place(self) -> str | int | None:
        """Of the value that comes next; None: a key comes."""
        return self.key if isinstance(self.value, dict) else len(self.value)


@dataclass(frozen=True)
class Text:
    """What a YAML text says, and the line, from 1, of each key and of each value of a list, by its place."""

    data: Any
    lines: Mapping[Place, int]


@dataclass
class _Builder:
    open: list[_Open] = field(default_factory=list)
    anchors: dict[str, tuple[Any, int]] = field(default_factory=dict)  # values with their sizes
    values: int = 0
    root: Any = None
    lines: dict[Place, int] = field(default_factory=dict)

    def event(self, event: Any) -> None:
        line = _line(event)
        if getattr(event, "tag", None) is not None:
            raise NotYaml(f"the tag {event.tag}: tags are not read here", line, "write the value alone")
        if isinstance(event, yaml.ScalarEvent):
            is_plain = not event.style
            data = (None if event.value in ("", "~", "null") else Plain(event.value)) if is_plain else event.value
            self._put(data, str(event.value), event.anchor, 1, line)
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor not in self.anchors:
                raise NotYaml(f"no value before it is called &{event.anchor}", line)
            self._put(self.anchors[event.anchor][0], None, None, self.anchors[event.anchor][1], line)
        elif isinstance(event, yaml.SequenceStartEvent | yaml.MappingStartEvent):
            if len(self.open) >= MAX_DEPTH:
                raise NotYaml(f"nested deeper than {MAX_DEPTH} levels", line)
            if self.open and isinstance(self.open[-1].value, dict) and self.open[-1].key is None:
                raise NotYaml("a key that is no text", line)
            if self.open and isinstance(self.open[-1].value, list):
                self._note(line)
            value: list[Any] | dict[str, Any] = [] if isinstance(event, yaml.SequenceStartEvent) else {}
            self.open.append(_Open(value, event.anchor, self.values))
        elif isinstance(event, yaml.SequenceEndEvent | yaml.MappingEndEvent):
            closed = self.open.pop()
            self._put(closed.value, None, closed.anchor, 1, line, inside=self.values - closed.before)

    def _put(self, data: Any, text: str | None, anchor: str | None, size: int, line: int, inside: int = 0) -> None:
        """A value that is complete, to the list or mapping that is open. `text` is what it is as a key."""
        self.values += size
        if self.values > MAX_VALUES:
            raise NotYaml(f"more than {MAX_VALUES} values", line)
        if anchor:
            self.anchors[anchor] = (data, size + inside)
        if not self.open:
            self.root = data
            return
        around = self.open[-1]
        if isinstance(around.value, list):
            if text is not None or (*self._place(), len(around.value)) not in self.lines:
                self._note(line)  # of a list or mapping it is known: here is its end
            around.value.append(data)
        elif around.key is not None:
            around.value[around.key] = data
            around.key = None
        elif text is None:
            raise NotYaml("a key that is no text", line)
        elif text in around.value:
            raise NotYaml(f"the key {text} is there twice", line)
        else:
            around.key = text
            self._note(line)

    def _place(self) -> Place:
        return tuple(one.place for one in self.open[:-1] if one.place is not None)

    def _note(self, line: int) -> None:
        """The key or value that comes next is on this line."""
        place = self.open[-1].place
        assert place is not None
        self.lines[(*self._place(), place)] = line


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def load(text: str) -> Any:
    """The one document of a text: dicts, lists, str, Plain (text without quotes) and None. Raises NotYaml."""
    return read(text).data


def read(text: str) -> Text:
    """The same, with lines. Raises NotYaml."""
    builder, documents = _Builder(), 0
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            documents += isinstance(event, yaml.DocumentStartEvent)
            if documents > 1:
                raise NotYaml("a second document", _line(event), "one file holds one")
            builder.event(event)
    except yaml.YAMLError as error:
        mark, problem = getattr(error, "problem_mark", None), str(getattr(error, "problem", None) or error)
        line = mark.line + 1 if mark else 0
        lines = text.split("\n")
        at = lines[line - 1] if 0 < line <= len(lines) else ""
        raise NotYaml(problem, line, _TABS if "\t" in at[: len(at) - len(at.lstrip())] else "") from error
    return Text(builder.root, builder.lines)
