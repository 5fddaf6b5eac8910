"""Which instructions may write a member of a struct, as objdump prints them."""

from __future__ import annotations

import pytest

from orchestrator.evidence.vma_writes.stores import stores

OFFSETS, ATOMIC = {0, 8, 0x20}, {0x80}


@pytest.mark.parametrize(
    "words",
    [
        "mov    %rax,(%rdi)",
        "mov    %r12,0x8(%rbx)",
        "movq   $0x0,0x20(%r13)",
        "movups %xmm0,(%rax)",
        "or     %rax,0x20(%rbx)",
        "andq   $0xffffffffffffdfff,0x20(%rdi)",
        "lock cmpxchg %edx,0x80(%rsi)",
        "xchg   %rax,0x80(%rdx)",
        "btsq   $0xd,0x20(%rdi)",
        "incq   0x20(%rdi)",
        "rex.W movl $0x0,0x8(%rdi)",
    ],
)
def test_what_may_write_is_found(words: str) -> None:
    assert list(stores(listing(words), [0x1000], [bytes(16)], OFFSETS, ATOMIC)) == [0x1000]


@pytest.mark.parametrize(
    "words",
    [
        "mov    (%rdi),%rax",
        "mov    %rax,0x10(%rdi)",
        "mov    %rax,-0x8(%rbx)",
        "mov    %rax,0x8(%rsp)",
        "mov    %rax,0x8(%rip)        # 0x1234",
        "mov    %rax,%gs:0x8(%rbx)",
        "mov    %rax,0x8(%rbx,%rcx,8)",
        "cmp    %rax,0x8(%rdi)",
        "cmpq   $0x0,(%rdi)",
        "testb  $0x1,0x20(%rdi)",
        "nopw   0x0(%rax,%rax,1)",
        "nopl   (%rax)",
        "call   *0x8(%rax)",
        "jmp    *0x20(%rax)",
        "btq    $0xd,0x20(%rdi)",
        "lea    0x8(%rdi),%rax",
        "push   0x8(%rdi)",
        "lock btsq $0xd,0x20(%rdi)",
        "lock orb $0x1,(%rdi)",
        "xchg   %rax,(%rdx)",
        "prefetchw (%rdi)",
    ],
)
def test_what_writes_nothing_of_it_is_not(words: str) -> None:
    assert not list(stores(listing(words), [0x1000], [bytes(16)], OFFSETS, ATOMIC))


def listing(words: str) -> str:
    return f"   0:\t{words}\n   8:\tret\n"
