"""A frame of a stack, as kernels of all ages and architectures print it, and the function's name in the source.

    x86        " func+0x1/0x2", "RIP: 0010:func+0x1/0x2", "EIP is at func+..", once "IP: [<c0123456>] func+.."
    arm, arm64 "PC is at ", "pc : ", " (f) from [<c0123456>] (func+..)", " f from func+.."
    riscv      "epc : "               mips     "epc   : 80108880 "
    powerpc    "NIP [c000..] ", "--- interrupt: 901 at .func+..", "(unreliable)" behind it, xmon's "    pc: c000..: "
    s390       "Krnl PSW : .. .. (func+..)", "([<12>] func+..)"
    loongarch  "  ERA: 9000.. ", "   era: 9000.. "
    sparc      "TPC: <func+..>", "PC: <", "Caller[12]: "  parisc   "IAOQ[0]: "        ia64     "ip is at "
    hexagon    "[c0123456] 0xc0123456: func + 0x1"

decode_stacktrace.sh has (file:line) instead of the offset, others have it behind the offset. Frames marked [inline],
which only decoded logs have, are passed over. A "? " marks a stale stack slot.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

_ADDRESS = r"\[<?(?:[0-9a-f]{8,16}|\(_*ptrval_*\))>?\]"  # (ptrval): before there is randomness to hash it with
_BEFORE = (
    r"[RE]?IP: (?:[0-9a-f]{4}:)?(?:\[<[0-9a-f]+>\]\s+){0,2}",
    r"EIP is at |ip is at |[Pp][Cc] is at ",
    rf"e?pc\s*: (?:(?:{_ADDRESS}|[0-9a-f]{{8,16}}) )?| {{1,4}}pc: [0-9a-f]{{8,16}}: |PC: (?:\[<[0-9a-f]+>\] )?",
    r"NIP \[[0-9a-f]+\] |--- (?:interrupt|Exception): [0-9a-f]+ at ",
    r"Krnl PSW : [0-9a-f]{16} [0-9a-f]{16} \(",
    r"\s*(?:era|ERA): [0-9a-f]{16} |T?PC: <|\s*Caller\[[0-9a-f]+\]: | ?IAOQ\[0\]: ",
    r"\s*(?:\w+ from |\([^()\s]+(?: \[\w+\])?\) from \()?",
    rf"\s*\(?(?:{_ADDRESS}\s*){{1,2}}(?:\([^()\s]+(?: \[\w+\])?\) from )?(?:\[<[0-9a-f]+>\] )?\(?",
)
# Rust's as decode_stacktrace.sh demangles them: rust_foo::Foo::new, <rust_foo::Foo as core::ops::drop::Drop>::drop
_NAME = r"(?P<function>\.?[A-Za-z_$][\w.$]*(?:::[\w$<>{}#:]+)?|<[^()\n]{3,200}?>::[\w$<>{}#:]+)"
_OFFSET = r"(?P<offset>\+0x[0-9a-f]+/0x[0-9a-f]+)"
_SPACED = r"(?P<spaced>\[[0-9a-f]{8}\] 0x[0-9a-f]+: )"
_FRAME = re.compile(
    rf"(?:{'|'.join(_BEFORE)}|{_SPACED}){_NAME}"
    rf"(?(spaced) \+ 0x[0-9a-f]+|(?:{_OFFSET}| \((?:[^\s()]*/)?[\w.-]+\.(?:[chSs]|rs):\d+))(?P<rest>.*)"
)
_LINKED = re.compile(
    r"(?:LR is at |lr : |LR \[[0-9a-f]+\] |ra\s*: (?:[0-9a-f]{8,16} )?|\s*ra: [0-9a-f]{16} |RPC: <"
    r"| ?RP\(r2\): |BLINK: )"
    rf"{_NAME}\+0x"
)
# Before a frame on the same line: what the stack is of, and what mm/kmemleak.c puts before all that it says
_MARKS = re.compile(r"(?:kmemleak: (?= ))?(?:\s*(?:</?[A-Z#][A-Z_#]*\d*>+|<<E[OE]+>+)\s+(?=[\[\w(?]))?")
# The frame behind one of these is of what was interrupted
_BORDER = re.compile(
    r"\s*(?:</(?:IRQ|NMI|SOFTIRQ|HARDIRQ|#\w+)>|<EOI>|<<EOE>>)|RIP: [0-9a-f]{4}:[^\s0]"
    r"|--- (?:interrupt|Exception): [0-9a-f]+ at "
)
_NAMED_IN = re.compile(r"(?:INFO: )?(?:Allocated|Freed) in (?=\S+\+0x)")
_TOP = "arch|block|certs|crypto|drivers|fs|include|init|io_uring|ipc|kernel|lib|mm|net|rust|samples|security|sound|virt"
_FILE = re.compile(rf"(?:[\s(]|^)(?:\S*?/)??((?:{_TOP})/[\w./-]*\.(?:[cS]|rs)):\d+")
_MODULE = re.compile(r"\+0x[0-9a-f]+/0x[0-9a-f]+ \[[A-Za-z_]\w*(?: [0-9a-f]{40})?\]")
_STALE = re.compile(r"\s*(?:\[<[0-9a-f]+>\] )?\? ")
# what compilers add to names
_SUFFIX = re.compile(r"(?:\.(?:isra|constprop|part|cold|llvm|lto_priv|cfi|cfi_jt|localalias|clone)\b(?:\.\d+)*)+")
# A system call is called after the ABI, after the macro that defines it, and in other ways before 4.17
_ABI = "x64|x32|ia32|arm64|s390x?|riscv|powerpc|loongarch|do|se"
_SYSTEM_CALL = re.compile(rf"\b__(?:{_ABI})_(compat_)?sys_|\b(?:SyS|SYSC)_(?=[a-z])|\b(compat_)SyS_|\b(C_)SYSC_")


class CodeFrame(NamedTuple):
    """A function of a stack, as the source names it. (A tuple: a storm of reports has a million of them.)"""

    function: str
    printed: str = ""  # func.isra.0+0x14/0xa0
    file: str = ""  # in the kernel's tree, where the log says it
    is_module: bool = False
    is_first: bool = False  # of what an interrupt came into
    is_doubtful: bool = False  # the kernel says so


def code_frame(message: str) -> CodeFrame | None:
    """The frame in a line of a report; None where there is none, or a stale one."""
    # whether it has what an expression needs is asked first here: storms have millions of frames
    marks = _MARKS.match(message) if "<" in message or message.startswith("kmemleak") else None
    match = _FRAME.match(message[marks.end() :] if marks else message)
    if not match:
        return None
    # a line of a header may be of an inline function in the one that the log names: no file then
    file = _FILE.search(match[0], match.end("function")) if ":" in match[0] else None
    return CodeFrame(
        function=plain_name(match["function"]),
        printed=f"{match['function']}{match['offset'] or ''}",
        file=file[1] if file else "",
        is_module=is_of_module(match[0]),
        is_doubtful="(unreliable)" in match["rest"],
    )


def named_in(message: str) -> CodeFrame | None:
    """The function of `Freed in func+0x1/0x2 age=..`, which mm/slub.c says before the stack, if it has one."""
    found = _NAMED_IN.match(message)
    return code_frame(message[found.end() :]) if found else None


def is_frame(message: str) -> bool:
    return bool(_FRAME.match(message))


def is_border(message: str) -> bool:
    """Whether the frames behind a line are of what was interrupted by those before it."""
    return bool(_BORDER.match(message))


def stale(messages: Sequence[str]) -> list[CodeFrame]:
    """The functions behind a "?", of a kernel that could not unwind: what was found on the stack.

    The beginning of a function (__pfx_F) is no return address: something had a pointer to it.
    """
    found = (code_frame(message.replace("? ", "", 1)) for message in messages if _STALE.match(message))
    return [frame for frame in found if frame and not frame.function.startswith("__pfx_")]


def linked(messages: Sequence[str]) -> list[CodeFrame]:
    """The functions in link registers: whoever called last, perhaps. Where there is no trace they are all there is."""
    found = (_LINKED.match(message) for message in messages)
    return [CodeFrame(plain_name(match["function"])) for match in found if match]


def is_of_module(message: str) -> bool:
    """Whether the first function of a line is in a loadable module."""
    return " [" in message and bool(_MODULE.search(message))


def plain_name(name: str) -> str:
    """A function's name, or a text with such names, as the source has them: without what compilers, macros and ABIs
    add. A system call is sys_NAME on every architecture."""
    plain = name
    if "_sys_" in name or "SyS_" in name or "SYSC_" in name:
        plain = _SYSTEM_CALL.sub(lambda match: "compat_sys_" if any(match.groups()) else "sys_", name)
    if "." in plain:
        plain = _SUFFIX.sub("", plain)
    return plain.removeprefix(".").removeprefix("__cfi_")
