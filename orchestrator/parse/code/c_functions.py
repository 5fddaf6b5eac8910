"""Which functions a file of the kernel's source defines: C, headers and assembly, as kernels of all ages write them.

It knows the kernel's style, not C: the body of a function begins with a brace at the beginning of a line, or on the
line of a short inline function. What a macro makes has the name that the symbol table will have (SYSCALL_DEFINE,
DEFINE_IDTENTRY, BPF_CALL, ...).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
_HEAD = re.compile(r"(?:^|(?<=\n))([A-Za-z_][^\n;{}#]*(?:\n[^\n;{}#]+){0,12})\n\{", re.MULTILINE)
_ONE_LINE = re.compile(r"^((?:static|extern|__always_inline|inline)\b[^\n;{}]*\([^\n;{}]*\))[ \t]*\{", re.MULTILINE)
_CALLED = re.compile(r"\b([A-Za-z_]\w*)\s*\(")
_ATTRIBUTES = re.compile(
    r"__\w+__|__(?:printf|scanf|must_hold|acquires|releases|acquire|cond_acquires|cond_lock|section|aligned|alloc_size|no_sanitize\w*|counted_by|diagnose_as|nonstring|free|realloc_size|bpf_kfunc\w*|visible|kprobes|context_unsafe|noreturn)|noinline_if_stackprotector|__attribute__|asmlinkage|notrace|typeof|__typeof__|defined|if|for|while|switch|alternative\w*"
)
_SYSCALL = re.compile(r"(?:COMPAT_)?(?:SYSCALL|SYSCALL32|SYSCALL64|PPC32_SYSCALL|SYSCALL_COMPAT)_DEFINE\w*")
_FIRST_ARGUMENT = re.compile(r"[\s*]*([A-Za-z_]\w*)")
_ASSEMBLY = re.compile(
    r"^\s*(?:SYM_(?:FUNC|CODE|TYPED_FUNC|INNER)_(?:START|LABEL|ALIAS)\w*|SYM_FUNC_ALIAS\w*|_?GLOBAL\w*|ENTRY\w*|WEAK|LEAF|NESTED|FEXPORT"
    r"|FUNC_START|EXC_\w*(?:BEGIN|START|COMMON)\w*|INT_HANDLER|EXPORT_SYMBOL\w*)\b[ \t]*\(?[ \t]*([A-Za-z_]\w*)"
    r"|^([A-Za-z_]\w*):",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Definition:
    """A function that a file defines, by name."""

    function: str
    is_static: bool  # no other file can call it by its name, so another may have the same


def functions(text: str, *, is_assembly: bool = False) -> Iterator[Definition]:
    """All of a file's text. A name may come more than once (#ifdef)."""
    plain = without_comments(text)
    if is_assembly:
        yield from (Definition(match[1] or match[2], False) for match in _ASSEMBLY.finditer(plain))
        return
    for pattern in (_HEAD, _ONE_LINE):
        for match in pattern.finditer(plain):
            yield from _of_head(match[1])


def without_comments(text: str) -> str:
    """The text, on as many lines."""
    return _COMMENT.sub(_blank, text)


def _blank(comment: re.Match[str]) -> str:
    """Nothing, with the comment's line ends: a definition must not grow together with the line before it."""
    return "\n" * comment[0].count("\n") or " "


def _of_head(head: str) -> Iterator[Definition]:
    for match in _CALLED.finditer(head):
        word = match[1]
        if _ATTRIBUTES.fullmatch(word):
            continue
        if not word.isupper() and not re.fullmatch(r"[A-Z][A-Z0-9_]+\w?", word):
            yield Definition(word, bool(re.search(r"\bstatic\b", head[: match.start()])))
            return
        argument = _FIRST_ARGUMENT.match(head, match.end())
        if argument is None:
            return
        if _SYSCALL.fullmatch(word):
            yield Definition(f"sys_{argument[1]}", False)
        elif "DEFINE" in word or word.startswith(("BPF_CALL", "IDTENTRY", "INTERRUPT")):
            yield Definition(argument[1], False)
            yield from (Definition(f"asm_{argument[1]}", False) for _ in range("IDTENTRY" in word))
        return
