"""kconfigs/*.config: fragments over tinyconfig."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from orchestrator.declarations import schema
from orchestrator.declarations.files import read_text
from orchestrator.declarations.names import check_kconfig_name
from orchestrator.declarations.schema import Plain
from orchestrator.errors import BadDeclaration
from orchestrator.model.kernel import Fragment
from orchestrator.parse.kconfig import arches_in, is_whole, optional_symbols, parse_fragment, text_on

KEY = re.compile(r"# ([a-z][\w-]*): (.*)")
OF_SYMBOLS = ("arch", "since")  # they are about the symbols below them, also at the top


@dataclass(frozen=True)
class _Head:
    """The keys in the comment at the top: "# slowdown: 2". One named like the file says what it is for."""

    slowdown: float = 1.0


def read_fragment(path: Path) -> Fragment:
    """A kconfig fragment. Raises UsageError, BadDeclaration."""
    check_kconfig_name(path.stem, str(path))
    text = read_text(path)
    if is_whole(text):
        raise BadDeclaration(
            f"{path}: is a whole .config, which our guests cannot boot (they load no modules)",
            hint="give a fragment: the symbols that matter; scripts/diffconfig of the kernel finds them",
        )
    found = map(KEY.fullmatch, takewhile(lambda line: line.startswith("#"), text.splitlines()))
    keys = {match[1]: Plain(match[2].strip()) for match in found if match and match[1] not in (path.stem, *OF_SYMBOLS)}
    head = schema.declared(_Head, keys, str(path))

    def on(arch: str) -> tuple[tuple[str, str], ...]:
        return parse_fragment(text_on(arch, text), str(path))

    on_arch = tuple((arch, on(arch)) for arch in arches_in(text))
    return Fragment(path.stem, path, on(""), head.slowdown, optional_symbols(text), on_arch)
