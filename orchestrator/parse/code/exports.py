"""C and assembly text -> the symbols that it exports for modules, and the structs that it defines. Pure.

The text and not the kernel is asked: a kernel without CONFIG_MODULES drops what it exports.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_EXPORT = re.compile(r"^[ \t]*(EXPORT_(?:PER_CPU_)?SYMBOL\w*)\s*\(\s*(\w+)\s*(?:,\s*([^)]+?)\s*)?\)", re.MULTILINE)
_COMMENT = re.compile(r'"(?:\\.|[^"\\\n])*"|/\*.*?\*/|//[^\n]*', re.DOTALL)
_STRUCT = re.compile(r"\b(struct|union)\s+(\w+)\s*\{")


def exported(text: str) -> Mapping[str, str]:
    """By symbol the macro that exports it, with its namespace: `EXPORT_SYMBOL_NS_GPL "DMA_BUF"`."""
    return {name: f"{macro} {more}" if more else macro for macro, name, more in _EXPORT.findall(without_comments(text))}


def defined_structs(text: str) -> frozenset[str]:
    """`struct vma_lock`, for each that has a body."""
    return frozenset(f"{kind} {name}" for kind, name in _STRUCT.findall(without_comments(text)))


def without_comments(text: str) -> str:
    """Strings stay, and so do line feeds."""
    return _COMMENT.sub(lambda match: match[0] if match[0][0] == '"' else " " + "\n" * match[0].count("\n"), text)
