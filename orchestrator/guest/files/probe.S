/* A boot sector that proves that an accelerator runs guests: it enters long mode, computes there, and leaves QEMU
 * through isa-debug-exit. A host whose /dev/kvm opens but cannot run a guest (nested virtualisation without support)
 * hangs, dies or refuses somewhere on this way. Where KVM has to emulate a guest's kernel instruction by instruction
 * (on a host that is itself a PVM guest: a million rounds of the loop took 2.6 s with the firmware), two things tell:
 * KVM's emulator does not know cmpxchg16b, without which Linux does not boot, and the loop does not end in time.
 *
 * QEMU exits with (value << 1) | 1: 0x2a becomes 85.
 */
	.code16
	.globl _start
_start:
	cli
	xorw	%ax, %ax
	movw	%ax, %ds
	movw	%ax, %es
	movw	%ax, %ss
	movw	$0x7c00, %sp
	/* page tables at 0x1000: one entry per level, 2 MiB mapped onto itself */
	movw	$0x1000, %di
	movw	$0x1800, %cx
	cld
	rep stosw
	movw	$0x2003, 0x1000
	movw	$0x3003, 0x2000
	movw	$0x0083, 0x3000
	movl	$0x1000, %eax
	movl	%eax, %cr3
	movl	$0xa0, %eax		/* PAE, PGE */
	movl	%eax, %cr4
	movl	$0xc0000080, %ecx	/* EFER */
	rdmsr
	orl	$0x100, %eax		/* LME */
	wrmsr
	movl	%cr0, %eax
	orl	$0x80000001, %eax	/* PG, PE */
	movl	%eax, %cr0
	lgdt	gdt_pointer
	ljmp	$8, $long_mode

	.code64
long_mode:
	xorl	%eax, %eax		/* 128 bits at 0x4000 are 0: they become rcx:rbx */
	xorl	%edx, %edx
	movl	$0x4000, %edi
	movq	%rax, (%rdi)
	movq	%rax, 8(%rdi)
	movl	$1, %ebx
	movl	$20000000, %ecx
	lock cmpxchg16b (%rdi)
	jne	failed
	movl	8(%rdi), %ecx
1:	addq	%rcx, %rax
	loop	1b
	movabsq	$200000010000000, %rbx
	cmpq	%rbx, %rax
	movb	$0x2a, %al
	je	2f
failed:	movb	$0x01, %al
2:	movw	$0xf4, %dx
	outb	%al, %dx
3:	hlt
	jmp	3b

	.balign	8
gdt:
	.quad	0
	.quad	0x00209a0000000000	/* 64-bit code */
gdt_pointer:
	.word	gdt_pointer - gdt - 1
	.long	gdt

	.org	510
	.word	0xaa55
