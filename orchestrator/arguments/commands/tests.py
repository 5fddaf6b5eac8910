"""Commands that test: a patch, the tests themselves, the commits of a tree."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from orchestrator.arguments.command import Command, Group, option, plus, repeatable, switch
from orchestrator.arguments.exit_status import CONTINUES, REQUEST, VERDICT
from orchestrator.arguments.options import cases, cluster, coverage, failures, kernel, reports
from orchestrator.arguments.options.guest import GUEST, NO_STALLS, NO_VMA_WRITES
from orchestrator.arguments.options.intake import DIRTY, INTAKE
from orchestrator.arguments.options.messages import MESSAGES
from orchestrator.model.request import GENERATED, WRITTEN_S

DRY_RUN = switch("--dry-run", help="show the plan and the commands that would run, and do nothing")

WITH_MUTANTS = option(
    "--with-mutants",
    type=int,
    metavar="N",
    help="if nothing regressed, write up to N mutants of the changed lines and report which of them the cases notice; "
    "costs another kernel and, for each mutant, up to as long as the cases take",
)

BUILD_ONLY = switch(
    "--build-only",
    help="compile what the patch changes in a dozen kernels (one CPU, no MMU, NUMA, PREEMPT_RT, clang, other "
    "architectures; or those that --kconfig, --toolchain and --arch name), with it and without it, and boot none: what "
    "a compiler newly says fails the run",
)

TEST = Command(
    "test",
    "test a patch or series",
    "Builds the kernel with a patch or series, boots it under QEMU, runs the test cases in the guest, and says whether "
    "the patch breaks anything. What fails is run again with and without the patch, until it is settled whose fault it "
    "is. The same command continues an interrupted run.",
    (
        ("orchestrate test fix.patch", "on Debian's kernel source, with the default cases"),
        (
            "orchestrate test v3.mbox --tree ~/linux --base mm-unstable --kconfig debug+kasan",
            "on a revision of a tree, with another configuration",
        ),
        ("orchestrate test", "in a kernel's git tree: the branch, and what is not committed"),
        ("orchestrate test 20260105.12-1@example.org --tree ~/linux --base auto", "a thread of a mail archive"),
    ),
    (kernel.PATCH_ARGUMENT,),
    (
        kernel.KERNEL,
        INTAKE,
        plus(GUEST, (NO_STALLS, NO_VMA_WRITES)),
        cluster.WHERE,
        plus(cases.CASES, (cases.HOST_TEST,)),
        failures.FAILURES,
        coverage.COVERAGE,
        coverage.COST,
        Group("mutants", (WITH_MUTANTS,)),
        Group("compilers", (BUILD_ONLY,)),
        reports.reports("the report"),
        reports.ELSEWHERE,
        plus(MESSAGES, (DRY_RUN,)),
    ),
    VERDICT,
)

WATCH = Command(
    "watch",
    "test what a git tree holds, and again on each save",
    "Tests what the branch has over its upstream and what is not committed, as `test` does in a kernel's git tree, and "
    "again whenever a file is saved. A run that a save makes out of date is stopped and begun anew; what it has "
    "compiled is kept. The cases come first that execute the functions that were changed, as far as earlier runs have "
    "learned that, then those whose names or tags match.",
    (
        ("orchestrate watch", "in a kernel's git tree; Ctrl-C ends"),
        ("orchestrate watch HEAD.. --testcase uffd --baseline never", "what is not committed, and one case"),
    ),
    (replace(kernel.PATCH_ARGUMENT, help="commits of the tree, as --patch"),),
    (
        replace(
            kernel.KERNEL,
            options=(
                replace(
                    kernel.PATCH,
                    help="commits of the tree: main..HEAD; what is not committed belongs to a range that ends at HEAD",
                ),
                replace(kernel.TREE, help="the git tree; it is only read (default: the one around)"),
                kernel.KCONFIG,
                kernel.TOOLCHAIN,
                kernel.SANDBOX,
            ),
        ),
        Group("patch", (DIRTY,)),
        plus(GUEST, (NO_STALLS, NO_VMA_WRITES)),
        cases.CASES,
        Group("failures", tuple(one for one in failures.FAILURES.options if one is not failures.BISECT_EXIT)),
        reports.reports("the report of the last run"),
        MESSAGES,
    ),
    VERDICT,
)

SELECT = Command(
    "select",
    "propose the test cases that a patch needs, and say why",
    "Lists the cases in the order in which `test` runs them: those that execute most of the changed functions first, "
    "as earlier runs under TCG have learned it, then those whose names or tags match the change. Builds and boots "
    "nothing.",
    (("orchestrate select fix.patch", "which cases execute what the patch changes?"),),
    (kernel.PATCH_ARGUMENT,),
    (
        kernel.KERNEL,
        INTAKE,
        Group("test cases", (cases.TESTCASE,)),
        Group("reports", (reports.json("the selection"),)),
        MESSAGES,
    ),
    ((0, "the cases were listed"), REQUEST),
)

BISECT = Command(
    "bisect",
    "find the commit of a tree that broke a case",
    "Bisects as git does, and tests each commit until it is settled. The same command continues an interrupted "
    "bisection.",
    (
        (
            "orchestrate bisect --tree ~/linux v6.11 v6.12 --testcase split-merge",
            "which commit between the two broke the case split-merge?",
        ),
    ),
    (
        option("good", metavar="GOOD", help="a revision where the case passes"),
        option("bad", metavar="BAD", help="a later revision where it fails"),
    ),
    (
        Group(
            "kernel",
            (
                replace(kernel.TREE, help="the git tree; it is only read"),
                replace(
                    kernel.PATCH,
                    help="apply these patches to each commit: a build fix, or a check that exposes the fault",
                ),
                option(
                    "--kconfig",
                    default="base",
                    metavar="NAME[+NAME]",
                    completes="kconfigs",
                    help="fragments added to tinyconfig (default: base)",
                ),
                option(
                    "--toolchain",
                    default="gcc",
                    metavar="NAME|DIR",
                    completes="toolchains",
                    help="compile the kernels with this (default: gcc)",
                ),
                option(
                    "--arch",
                    metavar="NAME",
                    completes="architectures",
                    help="their architecture (default: the machine's, or x86_64)",
                ),
                kernel.SANDBOX,
            ),
        ),
        plus(GUEST, (NO_VMA_WRITES,)),
        cluster.WHERE,
        Group(
            "test case",
            (
                option("--testcase", required=True, metavar="NAME", completes="testcases", help="the case that fails"),
                replace(cases.DURATION, help="how long the case runs, in seconds (default: its own)"),
                replace(
                    cases.SEED, help="the seed of the first attempt; later attempts use N+1, N+2, ... (default: 1)"
                ),
                replace(failures.ERROR, help="the accepted probability of naming a wrong commit (default: 0.05)"),
                replace(cases.KNOWN_ISSUES, help="kernel reports that are no failure"),
            ),
        ),
        Group("reports", (reports.OUTPUT, reports.json("the tested commits"))),
        MESSAGES,
    ),
    (
        (0, "the commit was found"),
        REQUEST,
        (3, "it was not found"),
        CONTINUES,
    ),
)

MUTANTS = Command(
    "mutants",
    "measure which mutants of a series the test cases kill",
    "Builds the series with faults put into it, the mutants, and runs the test cases on each: a mutant that no case "
    "notices shows what the suite cannot find. A series without mutants of its own has them written, from the lines "
    "that it changes.",
    (
        ("orchestrate mutants vm_refcnt", "the mutants beside patches/vm_refcnt"),
        ("orchestrate mutants fix.patch", "mutants that are written anew, of the lines that the patch changes"),
    ),
    (kernel.PATCH_ARGUMENT,),
    (
        kernel.KERNEL,
        INTAKE,
        Group(
            "mutants",
            (
                option(
                    "--mutants",
                    type=Path,
                    metavar="DIR",
                    completes="directory",
                    help="the directory of the mutants (default: beside the series)",
                ),
                option(
                    "--generate",
                    type=int,
                    nargs="?",
                    const=GENERATED,
                    metavar="N",
                    help="write up to N mutants of the lines that the series changes, instead of reading some from a "
                    f"directory; a series that has no mutants beside it gets {GENERATED}",
                ),
                repeatable("--mutant", metavar="NAME", help="test only this mutant (repeatable)"),
                option(
                    "--budget",
                    type=float,
                    metavar="S",
                    help=f"start no further mutant after S seconds (default: {WRITTEN_S:g} for each mutant that is "
                    "written, no limit for those of a directory)",
                ),
                switch("--no-delays", help="do not add the delay points of the series"),
                replace(
                    coverage.NO_COVERAGE,
                    help="do not leave out written mutants of lines that no case executes (default: where TCG runs the "
                    "guests, the series runs the cases first, to see which lines those are)",
                ),
            ),
        ),
        plus(GUEST, (NO_STALLS, NO_VMA_WRITES)),
        cluster.WHERE,
        cases.CASES,
        reports.reports("the matrix"),
        MESSAGES,
    ),
    (
        (0, "every mutant was killed"),
        (1, "some survived, or the series itself does not apply or compile"),
        REQUEST,
        (3, "some could not be judged"),
        CONTINUES,
    ),
)

COMMANDS = (TEST, WATCH, SELECT, BISECT, MUTANTS)
