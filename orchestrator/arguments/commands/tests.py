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
    help="if nothing regressed, generate up to N mutants of the changed lines and report which of them the cases "
    "notice; costs one more kernel and, for each mutant, at most the time of all cases",
)

BUILD_ONLY = switch(
    "--build-only",
    help="only compile what the patch changes, with and without it, in a dozen configurations (one CPU, no MMU, NUMA, "
    "PREEMPT_RT, clang, other architectures; or those that --kconfig, --toolchain and --arch name); a new compiler "
    "warning or error fails the run",
)

TEST = Command(
    "test",
    "test a patch or series",
    "Builds the kernel with a patch or series, boots it under QEMU, runs the test cases in the guest, and says "
    "whether the patch breaks anything. A failing case is run again with and without the patch until it is clear "
    "whether the patch is at fault. The same command continues an interrupted run.",
    (
        ("orchestrate test fix.patch", "on Debian's kernel source, with the default cases"),
        (
            "orchestrate test v3.mbox --tree ~/linux --base mm-unstable --kconfig debug+kasan",
            "on a revision of a tree, with another configuration",
        ),
        ("orchestrate test", "in a kernel's git tree: the branch and uncommitted changes"),
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
    "test a git tree, and again on each save",
    "Tests the branch's commits that are not upstream and uncommitted changes, as `test` does in a kernel's git tree, "
    "and again whenever a file is saved. A save stops a run in progress and starts a new one; what was compiled is "
    "kept. Cases that are known from earlier runs to execute the changed functions come first, then those with "
    "matching names or tags.",
    (
        ("orchestrate watch", "in a kernel's git tree; Ctrl-C ends"),
        ("orchestrate watch HEAD.. --testcase uffd --baseline never", "uncommitted changes alone, and one case"),
    ),
    (replace(kernel.PATCH_ARGUMENT, help="commits of the tree, as --patch"),),
    (
        replace(
            kernel.KERNEL,
            options=(
                replace(
                    kernel.PATCH,
                    help="commits of the tree, such as main..HEAD; a range that ends at HEAD includes uncommitted "
                    "changes",
                ),
                replace(kernel.TREE, help="the git tree; it is only read (default: that of the current directory)"),
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
    "Lists the cases in the order in which `test` runs them: first those that executed most of the changed functions "
    "in earlier runs under TCG, then those with matching names or tags. Builds and boots nothing.",
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
                replace(cases.DURATION, help="how long the case runs, in seconds (default: as it declares)"),
                replace(
                    cases.SEED, help="the seed of the first attempt; later attempts use N+1, N+2, ... (default: 1)"
                ),
                replace(failures.ERROR, help="the accepted probability of naming a wrong commit (default: 0.05)"),
                replace(cases.KNOWN_ISSUES, help="kernel reports that do not count as failures"),
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
    "Builds mutants, which are the series with one fault each, and runs the test cases on them: a mutant that no case "
    "notices shows what the suite cannot find. If the series has no mutants of its own, they are generated from the "
    "lines that it changes.",
    (
        ("orchestrate mutants vm_refcnt", "the mutants beside patches/vm_refcnt"),
        ("orchestrate mutants fix.patch", "mutants generated from the lines that the patch changes"),
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
                    help="also test generated mutants of lines that no case executes (default: where TCG runs the "
                    "guests, find these lines by running the cases on the series first, and leave their mutants out)",
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
