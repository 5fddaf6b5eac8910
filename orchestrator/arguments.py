"""The command line for argparse: one function for each command, and the options that commands share."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from orchestrator import __version__
from orchestrator.reporters.text import printable

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction["Parser"]

EXIT_STATUS = """\
exit status: 0 nothing regressed, 1 the patch is at fault, 2 the request is wrong,
             3 the host or a tool is at fault, 130 interrupted
"""
EXIT_STATUS_OF_BISECTION = """\
exit status: 0 the commit was found, 2 the request is wrong, 3 it was not found, 130 interrupted
"""
EXIT_STATUS_OF_MUTANTS = """\
exit status: 0 every mutant was killed, 1 some survived, 2 the request is wrong,
             3 some could not be judged, 130 interrupted
"""
CLEAN = """\
Lists bases, worktrees, build directories, products, ccache and run directories of this user that have not been used for
long; removes them with --yes. It always keeps what a run is using, what was used in the last hours, interrupted runs of
the last days, and run directories in other places.
"""
KINDS = ("runs", "products", "builds", "worktrees", "bases", "ccache", "leftovers")  # as in retention.Kind
CLASSIFY = """\
Judges a run directory again; the exit status is that of the run. Lists the kernel reports in log files; the exit status
is 0 if all files could be read, whatever is in them, else 2.
"""


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that filters terminal escapes out of error messages: a file name may have come from `*`."""

    def error(self, message: str) -> NoReturn:
        super().error(printable(message))


def parser() -> Parser:
    """The whole command line."""
    top = Parser(
        prog="orchestrate",
        description="From a Linux mm patch to a verdict with evidence: build, boot under QEMU, stress, report.",
        epilog=EXIT_STATUS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"orchestrate {__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for add in (
        _test,
        _bisect,
        _build,
        _boot,
        _shell,
        _mutants,
        _classify,
        _report,
        _postmortem,
        _list,
        _clean,
        _doctor,
    ):
        add(commands)
    return top


# --- the commands, in the order in which --help lists them


def _test(commands: Commands) -> None:
    sub = commands.add_parser(
        "test",
        help="test a patch or series",
        epilog=EXIT_STATUS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _what(sub)
    _where(sub)
    _stress(sub, "run only this case, or the cases of this directory or tag (repeatable)")
    sub.add_argument(
        "--baseline",
        choices=("auto", "always", "never"),
        default="auto",
        help="test the unpatched kernel too; auto: only if the patched kernel fails, to see whether the failure is new",
    )
    sub.add_argument(
        "--freeze-on-failure",
        action="store_true",
        help="stop at the first kernel report, hang or panic, and leave that guest paused",
    )
    sub.add_argument(
        "--each-patch",
        action="store_true",
        help="build, boot and test the kernel with the first 1, 2, ... patches too, name the first bad patch, and list "
        "what gcc W=1, sparse and checkpatch newly report for each patch",
    )
    _reruns(sub)
    _jobs(sub)
    _outputs(sub, "the JSON report")


def _bisect(commands: Commands) -> None:
    sub = commands.add_parser(
        "bisect",
        help="find the commit of a tree that broke a case",
        description="Bisects as git does, and tests each commit until it is settled. The same command resumes an "
        "interrupted bisection.",
        epilog=EXIT_STATUS_OF_BISECTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    sub.add_argument("good", metavar="GOOD", help="a revision where the case passes")
    sub.add_argument("bad", metavar="BAD", help="a later revision where it fails")
    sub.add_argument("--tree", type=Path, metavar="DIR", required=True, help="the git tree (it is only read)")
    sub.add_argument("--testcase", required=True, metavar="NAME", help="the case that fails")
    sub.add_argument(
        "--patch",
        metavar="PATH",
        help="apply these patches to each commit: a build fix, or a check that exposes the fault",
    )
    sub.add_argument(
        "--kconfig", default="base", metavar="NAME[+NAME]", help="fragments added to tinyconfig (default base)"
    )
    _where(sub)
    sub.add_argument(
        "--duration", type=float, metavar="S", help="how long the case runs, in seconds (default: its own)"
    )
    sub.add_argument(
        "--seed",
        type=int,
        default=1,
        metavar="N",
        help="the seed of the first attempt; later attempts use N+1, N+2, ... (default 1)",
    )
    sub.add_argument(
        "--error",
        type=float,
        default=0.05,
        metavar="P",
        help="the accepted probability of naming a wrong commit (default 0.05)",
    )
    sub.add_argument("--known-issues", type=Path, metavar="FILE", help="kernel reports that are no failure")
    sub.add_argument("--output", type=Path, metavar="DIR", help="the run directory")
    sub.add_argument("--json", metavar="FILE", help="write the tested commits as JSON here too; - is stdout")
    _verbose(sub)


def _build(commands: Commands) -> None:
    sub = commands.add_parser("build", help="build the kernels, and do nothing else")
    _what(sub)
    _machine(sub)
    _verbose(sub)


def _boot(commands: Commands) -> None:
    sub = commands.add_parser("boot", help="build a kernel, boot it, and show what the guest says about itself")
    _what(sub)
    _where(sub)
    _gdb(sub)
    _verbose(sub)


def _shell(commands: Commands) -> None:
    sub = commands.add_parser(
        "shell", help="boot a kernel, or resume a guest that a run left paused, and open a shell in it"
    )
    _what(sub)
    _where(sub)
    _gdb(sub)
    _verbose(sub)
    sub.add_argument(
        "words",
        nargs="*",
        metavar="WORD",
        help="a command to run in the guest instead of a shell (after --); to resume a guest that --freeze-on-failure "
        "left paused, give its RUN_DIR first",
    )


def _mutants(commands: Commands) -> None:
    sub = commands.add_parser(
        "mutants",
        help="measure which mutants of a series the test cases kill",
        epilog=EXIT_STATUS_OF_MUTANTS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _what(sub)
    _where(sub)
    sub.add_argument(
        "--mutants", type=Path, metavar="DIR", help="the directory of the mutants (default: beside the series)"
    )
    sub.add_argument("--mutant", action="append", default=[], metavar="NAME", help="test only this mutant (repeatable)")
    _stress(sub, "run only this case (repeatable)")
    _jobs(sub)
    sub.add_argument("--budget", type=float, metavar="S", help="start no further mutant after S seconds")
    sub.add_argument("--no-delays", action="store_true", help="do not add the delay points of the series")
    _outputs(sub, "the matrix as JSON")


def _classify(commands: Commands) -> None:
    sub = commands.add_parser(
        "classify", help="find kernel reports in log files, or judge a run again", description=CLASSIFY
    )
    sub.add_argument(
        "paths",
        nargs="+",
        type=Path,
        metavar="FILE|RUN_DIR",
        help="console logs, dmesg, syslog, ... (plain or gzip; - is stdin), or one run directory",
    )
    sub.add_argument("--json", metavar="FILE", help="write the report as JSON here too; - is stdout")
    sub.add_argument(
        "--vmlinux",
        type=Path,
        metavar="FILE",
        help="decode addresses in log files to source lines; the vmlinux of the kernel that ran",
    )
    sub.add_argument("--known-issues", type=Path, metavar="FILE", help="kernel reports that are no failure")


def _report(commands: Commands) -> None:
    sub = commands.add_parser("report", help="judge a run again, show its report and write its files")
    sub.add_argument("run_dir", type=Path, metavar="RUN_DIR")
    sub.add_argument("--junit", metavar="FILE", help="write the JUnit report here too; - is stdout")
    sub.add_argument("--json", metavar="FILE", help="write the JSON report here too; - is stdout")
    _junit(sub)


def _postmortem(commands: Commands) -> None:
    sub = commands.add_parser("postmortem", help="open drgn on the memory dump that a hung or crashed case left")
    sub.add_argument("case_dir", type=Path, metavar="RUN_DIR/KERNEL/CASE")
    sub.add_argument("--print", action="store_true", help="print the post-mortem to stdout instead")


def _list(commands: Commands) -> None:
    sub = commands.add_parser("list", help="list test cases, kconfigs, patches, machines or bases")
    sub.add_argument("kind", choices=("testcases", "kconfigs", "patches", "machines", "bases"))
    sub.add_argument("--json", action="store_true", help="as JSON")


def _clean(commands: Commands) -> None:
    sub = commands.add_parser(
        "clean", help="list, or remove with --yes, what has not been used for long", description=CLEAN
    )
    sub.add_argument("--yes", action="store_true", help="remove it (default: only list it)")
    sub.add_argument(
        "--keep-days",
        type=float,
        default=14.0,
        metavar="N",
        help="remove what has not been used for N days (default 14)",
    )
    sub.add_argument(
        "--max-size",
        metavar="SIZE",
        help="remove more, least recently used first, until at most SIZE is left (e.g. 20G; default: no limit)",
    )
    sub.add_argument(
        "--kind", action="append", default=[], choices=KINDS, help="remove only this kind (repeatable; default: all)"
    )


def _doctor(commands: Commands) -> None:
    sub = commands.add_parser(
        "doctor", help="check whether this machine is ready, and say how to install what is missing"
    )
    sub.add_argument("--json", action="store_true", help="as JSON")
    sub.add_argument("--install", action="store_true", help="install what is missing (Debian: apt-get)")
    sub.add_argument("--verify", action="store_true", help="hash every product in the cache, and drop damaged ones")


# --- options that commands share


def _what(sub: argparse.ArgumentParser) -> None:
    sub.add_argument(
        "--patch",
        metavar="PATH",
        help="a .patch, a directory of them, an mbox (file or URL, also .gz, .xz, .bz2) or a name under patches/; "
        "PATH#3/7 or PATH#2-4/7: only these parts of a series. Without --patch the base itself is tested",
    )
    sub.add_argument("--tree", type=Path, metavar="DIR", help="a git tree that has the base (it is only read)")
    sub.add_argument(
        "--base",
        metavar="NAME|REV",
        help="the name of a base (see `orchestrate list bases`), or with --tree a revision (default HEAD)",
    )
    sub.add_argument(
        "--kconfig",
        action="append",
        default=[],
        metavar="NAME[+NAME]",
        help="fragments added to tinyconfig (default base; repeatable, each one is a kernel)",
    )


def _machine(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--machine", default="q35", metavar="NAME", help="see `orchestrate list machines`")


def _where(sub: argparse.ArgumentParser) -> None:
    sub.add_argument(
        "--accel",
        choices=("auto", "kvm", "tcg"),
        default="auto",
        help="auto: KVM if a probe proves that it works, else TCG",
    )
    _machine(sub)
    sub.add_argument(
        "--smp",
        type=int,
        metavar="N",
        help="CPUs of the guest, even more than the host has (default: the machine's, up to 4 if the host has more)",
    )
    sub.add_argument("--memory", type=int, metavar="MIB", help="memory of the guest (default: the machine's)")
    sub.add_argument(
        "--boot-timeout",
        type=float,
        metavar="S",
        help="how long a boot may take (default: scaled to the accelerator and kconfig)",
    )


def _stress(sub: argparse.ArgumentParser, which: str) -> None:
    sub.add_argument("--testcase", action="append", default=[], metavar="NAME", help=which)
    sub.add_argument(
        "--duration", type=float, metavar="S", help="how long each case runs, in seconds (default: its own)"
    )
    sub.add_argument(
        "--seed", type=int, default=1, metavar="N", help="the seed of the cases' random choices (default 1)"
    )
    sub.add_argument(
        "--known-issues",
        type=Path,
        metavar="FILE",
        help="kernel reports that are no failure (default: known-issues.yaml beside the series or in the tree)",
    )


def _jobs(sub: argparse.ArgumentParser) -> None:
    sub.add_argument(
        "--jobs",
        type=int,
        metavar="N",
        help="how many guests run at a time (default: as many as the host has CPUs and memory for)",
    )


def _reruns(sub: argparse.ArgumentParser) -> None:
    sub.add_argument(
        "--budget",
        type=float,
        metavar="S",
        help="how long failures are run again with and without the series, in seconds (default 900)",
    )
    sub.add_argument(
        "--error",
        type=float,
        default=0.05,
        metavar="P",
        help="the accepted probability of a wrong answer about a failure (default 0.05)",
    )
    sub.add_argument("--fresh-baseline", action="store_true", help="ignore what earlier runs found out about the base")
    sub.add_argument("--strict", action="store_true", help="fail the run for any failure, even if the base has it too")
    sub.add_argument(
        "--bisect-exit",
        action="store_true",
        help="exit status for `git bisect run`: 0 good, 1 bad, 125 cannot be tested",
    )


def _outputs(sub: argparse.ArgumentParser, json: str) -> None:
    sub.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help="the run directory (default: a new one, or that of the same request if it was interrupted)",
    )
    sub.add_argument("--junit", metavar="FILE", help="write the JUnit report here too; - is stdout")
    sub.add_argument("--json", metavar="FILE", help=f"write {json} here too; - is stdout")
    _junit(sub)
    _verbose(sub)


def _junit(sub: argparse.ArgumentParser) -> None:
    """The options of JUnit's names. `report` uses those of the run unless they are given again."""
    sub.add_argument("--suite-name", metavar="NAME", help="add the prefix NAME. to the names of JUnit's suites")
    sub.add_argument(
        "--attachments-root",
        metavar="DIR",
        help="write JUnit's attachments relative to DIR, for GitLab its project directory (default: absolute paths, "
        "for Jenkins)",
    )


def _verbose(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("-v", "--verbose", action="store_true", help="print every command that runs")


def _gdb(sub: argparse.ArgumentParser) -> None:
    sub.add_argument(
        "--gdb", action="store_true", help="stop at the first instruction and wait for gdb; prints how to start it"
    )
