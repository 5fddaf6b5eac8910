"""Function definitions in the kernel's styles, of all ages."""

from __future__ import annotations

import time

import pytest

from orchestrator.parse.code.c_functions import Definition, functions


def named(text: str, **how: bool) -> list[str]:
    return [f"{found.function}{' (static)' if found.is_static else ''}" for found in functions(text, **how)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("int foo(int a)\n{\n\treturn 0;\n}\n", ["foo"]),
        ("static struct x *\nfoo(struct y *y,\n    int z)\n{\n}\n", ["foo (static)"]),
        ("static noinline void __init foo(void)\n{\n}\n", ["foo (static)"]),
        ("__printf(1, 2) int foo(const char *fmt, ...)\n{\n}\n", ["foo"]),
        ("void foo(struct m *m)\n\t__releases(m->lock)\n{\n}\n", ["foo"]),
        ("static inline bool foo(int a) { return a; }\n", ["foo (static)"]),
        ("EXPORT_SYMBOL(bar);\n\nint foo(void)\n{\n}\nEXPORT_SYMBOL_GPL(foo);\n", ["foo"]),
        ("/* int old(void)\n{\n*/\nint foo(void)\n{\n}\n", ["foo"]),
        ("#ifdef X\nint foo(void)\n{\n}\n#else\nint foo(void)\n{\n}\n#endif\n", ["foo", "foo"]),
        ("SYSCALL_DEFINE2(munmap, unsigned long, addr, size_t, len)\n{\n}\n", ["sys_munmap"]),
        ("COMPAT_SYSCALL_DEFINE1(x, int, a)\n{\n}\n", ["sys_x"]),
        ("DEFINE_IDTENTRY_SYSVEC(sysvec_reboot)\n{\n}\n", ["sysvec_reboot", "asm_sysvec_reboot"]),
        ("BPF_CALL_1(bpf_get, u64, x)\n{\n}\n", ["bpf_get"]),
        ("struct foo {\n\tint a;\n};\nstatic int bar[] = {\n\t1,\n};\n", []),
        ("int foo(void);\n", []),
        ("if (x)\n{\n}\n", []),
    ],
)
def test_c(text: str, found: list[str]) -> None:
    assert named(text) == found


def test_assembly() -> None:
    text = """
ENTRY(old_copy)
	ret
SYM_FUNC_START(__memset)
SYM_CODE_START_LOCAL(ret_from_x)
SYM_FUNC_ALIAS_WEAK(memset, __memset)
_GLOBAL(ppc_copy)
LEAF(mips_copy)
arm_label:
.Llocal:
EXPORT_SYMBOL(memset)
"""
    assert named(text, is_assembly=True) == [
        "old_copy", "__memset", "ret_from_x", "memset", "ppc_copy", "mips_copy", "arm_label", "memset",
    ]  # fmt: skip


def test_a_long_file_without_functions_takes_no_time() -> None:
    began_s = time.process_time()
    assert list(functions("static const int x[] = {\n" + "\t1, 2, 3,\n" * 100_000 + "};\n")) == []
    assert list(functions("a b\n" * 100_000)) == []
    assert Definition("f", True) in functions("x\n" * 50_000 + "\nstatic int f(void)\n{\n}\n")
    assert time.process_time() - began_s < 4
