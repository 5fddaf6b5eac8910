"""The command line, as argparse knows it: one function for each command, and the options that commands share."""

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
exit status: 0 every mutant was killed, 1 some were not, 2 the request is wrong,
             3 not all could be judged, 130 interrupted
"""
CLEAN = """\
Bases, worktrees, build directories, products, ccache and run directories of this user. What a run is at work with, what
was used in the last hours and an interrupted run of the last days stay in any case; so do run directories elsewhere.
"""
KINDS = ("runs", "products", "builds", "worktrees", "bases", "ccache", "leftovers")  # as in retention.Kind
CLASSIFY = """\
A run directory is judged again, with the run's exit status. Of log files the kernel's reports are listed: exit status 0
when all could be read, whatever is in them, else 2.
"""


class Parser(argparse.ArgumentParser):
    """One that shows what it was given without what a terminal would obey: a name may come from `*`."""

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
        help="test a patch or series: the main job",
        epilog=EXIT_STATUS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _what(sub)
    _where(sub)
    _stress(sub, "run just this case, this directory's cases, or this tag's (repeatable)")
    sub.add_argument(
        "--baseline",
        choices=("auto", "always", "never"),
        default="auto",
        help="test the unpatched kernel too: auto does where the patched one failed, to tell whether that is new",
    )
    sub.add_argument(
        "--freeze-on-failure",
        action="store_true",
        help="end at the first kernel report, hang or panic; that guest stays, paused",
    )
    sub.add_argument(
        "--each-patch",
        action="store_true",
        help="build, boot and test the kernel behind each patch of the series too, and name the first bad one",
    )
    _reruns(sub)
    _jobs(sub)
    _outputs(sub, "the JSON report")


def _bisect(commands: Commands) -> None:
    sub = commands.add_parser(
        "bisect",
        help="which commit of a tree broke a case?",
        description="git's bisection, each commit tried until it is settled; the same command goes on where it stopped",
        epilog=EXIT_STATUS_OF_BISECTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    sub.add_argument("good", metavar="GOOD", help="a revision on which the case passes")
    sub.add_argument("bad", metavar="BAD", help="a later one on which it fails")
    sub.add_argument("--tree", type=Path, metavar="DIR", required=True, help="the git tree (it is only read)")
    sub.add_argument("--testcase", required=True, metavar="NAME", help="the case that fails")
    sub.add_argument("--patch", metavar="PATH", help="put these patches on each commit: a fix, or what finds the fault")
    sub.add_argument(
        "--kconfig", default="base", metavar="NAME[+NAME]", help="fragments over tinyconfig (default base)"
    )
    _where(sub)
    sub.add_argument("--duration", type=float, metavar="S", help="seconds that the case stresses (default: its own)")
    sub.add_argument("--seed", type=int, default=1, metavar="N", help="of the first attempt; the others count on")
    sub.add_argument(
        "--error",
        type=float,
        default=0.05,
        metavar="P",
        help="the probability of a wrong commit that you accept (default 0.05)",
    )
    sub.add_argument("--known-issues", type=Path, metavar="FILE", help="kernel reports that are no failure")
    sub.add_argument("--output", type=Path, metavar="DIR", help="the run directory")
    sub.add_argument("--json", metavar="FILE", help="write what was tried as JSON here too; - is stdout")
    _verbose(sub)


def _build(commands: Commands) -> None:
    sub = commands.add_parser("build", help="build the kernels only")
    _what(sub)
    _machine(sub)
    _verbose(sub)


def _boot(commands: Commands) -> None:
    sub = commands.add_parser("boot", help="build, boot and say who answered")
    _what(sub)
    _where(sub)
    _gdb(sub)
    _verbose(sub)


def _shell(commands: Commands) -> None:
    sub = commands.add_parser("shell", help="boot a kernel, or resume a guest that was left behind, and drop into it")
    _what(sub)
    _where(sub)
    _gdb(sub)
    _verbose(sub)
    sub.add_argument(
        "words",
        nargs="*",
        metavar="WORD",
        help="a command to run there instead of a shell (after --); "
        "first a RUN_DIR whose guest --freeze-on-failure left behind, to resume that one",
    )


def _mutants(commands: Commands) -> None:
    sub = commands.add_parser(
        "mutants",
        help="which mutants does the suite kill?",
        epilog=EXIT_STATUS_OF_MUTANTS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _what(sub)
    _where(sub)
    sub.add_argument("--mutants", type=Path, metavar="DIR", help="where they are (default: beside the series)")
    sub.add_argument("--mutant", action="append", default=[], metavar="NAME", help="try just this one (repeatable)")
    _stress(sub, "with just this case (repeatable)")
    _jobs(sub)
    sub.add_argument("--budget", type=float, metavar="S", help="begin no mutant after so many seconds")
    sub.add_argument("--no-delays", action="store_true", help="without the series' delay points")
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
        help="decode log files' addresses to lines of code, with the kernel that ran",
    )
    sub.add_argument("--known-issues", type=Path, metavar="FILE", help="kernel reports that are no failure")


def _report(commands: Commands) -> None:
    sub = commands.add_parser("report", help="show the report of a run and write its files again")
    sub.add_argument("run_dir", type=Path, metavar="RUN_DIR")
    sub.add_argument("--junit", metavar="FILE", help="write the JUnit report here too; - is stdout")
    sub.add_argument("--json", metavar="FILE", help="write the JSON report here too; - is stdout")
    _junit(sub)


def _postmortem(commands: Commands) -> None:
    sub = commands.add_parser("postmortem", help="open drgn on the memory dump that a hung or crashed case left")
    sub.add_argument("case_dir", type=Path, metavar="RUN_DIR/KERNEL/CASE")
    sub.add_argument("--print", action="store_true", help="write what it says to stdout instead")


def _list(commands: Commands) -> None:
    sub = commands.add_parser("list", help="what there is to choose from")
    sub.add_argument("kind", choices=("testcases", "kconfigs", "patches", "machines", "bases"))
    sub.add_argument("--json", action="store_true", help="as JSON")


def _clean(commands: Commands) -> None:
    sub = commands.add_parser(
        "clean", help="remove what has not been used for long: says what would go", description=CLEAN
    )
    sub.add_argument("--yes", action="store_true", help="remove it")
    sub.add_argument(
        "--keep-days", type=float, default=14.0, metavar="N", help="of days not used that nothing goes before (14)"
    )
    sub.add_argument(
        "--max-size", metavar="SIZE", help="remove more, what was used longest ago first, until so much is left (20G)"
    )
    sub.add_argument(
        "--kind", action="append", default=[], choices=KINDS, help="only of this kind (repeatable; default: all)"
    )


def _doctor(commands: Commands) -> None:
    sub = commands.add_parser("doctor", help="is this machine ready? what is missing, and how to install it")
    sub.add_argument("--json", action="store_true", help="as JSON")
    sub.add_argument("--install", action="store_true", help="install what is missing (Debian: apt-get)")
    sub.add_argument(
        "--verify", action="store_true", help="check every product of the store, byte by byte, and drop damaged ones"
    )


# --- options that commands share


def _what(sub: argparse.ArgumentParser) -> None:
    sub.add_argument(
        "--patch",
        metavar="PATH",
        help="a .patch, a directory of them, an mbox (file or URL, also .gz, .xz, .bz2) or a name under patches/; "
        "PATH#3/7 or PATH#2-4/7: these parts of a series alone; without: the base itself",
    )
    sub.add_argument("--tree", type=Path, metavar="DIR", help="a git tree with the base (it is only read)")
    sub.add_argument("--base", metavar="NAME|REV", help="a base's name, or with --tree a revision (default HEAD)")
    sub.add_argument(
        "--kconfig",
        action="append",
        default=[],
        metavar="NAME[+NAME]",
        help="fragments over tinyconfig (default base; repeatable: one kernel for each)",
    )


def _machine(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--machine", default="q35", metavar="NAME", help="see `orchestrate list machines`")


def _where(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--accel", choices=("auto", "kvm", "tcg"), default="auto", help="auto proves that KVM works first")
    _machine(sub)
    sub.add_argument(
        "--smp", type=int, metavar="N", help="CPUs of the guest, also more than the host has (default: the machine's)"
    )
    sub.add_argument("--memory", type=int, metavar="MIB", help="the guest's memory (default: the machine's)")
    sub.add_argument("--boot-timeout", type=float, metavar="S", help="give up on a silent boot (default: scaled)")


def _stress(sub: argparse.ArgumentParser, which: str) -> None:
    sub.add_argument("--testcase", action="append", default=[], metavar="NAME", help=which)
    sub.add_argument("--duration", type=float, metavar="S", help="seconds that each case stresses (default: its own)")
    sub.add_argument("--seed", type=int, default=1, metavar="N", help="for the cases' random choices (default 1)")
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
        help="guests at a time (default: what the host has CPUs and memory for); a build takes all CPUs by itself",
    )


def _reruns(sub: argparse.ArgumentParser) -> None:
    sub.add_argument(
        "--budget",
        type=float,
        metavar="S",
        help="seconds for running again, with and without the series, what failed (default 900)",
    )
    sub.add_argument(
        "--error",
        type=float,
        default=0.05,
        metavar="P",
        help="the probability of a wrong answer about a failure that you accept (default 0.05)",
    )
    sub.add_argument(
        "--fresh-baseline", action="store_true", help="what earlier runs found out about the base does not count"
    )
    sub.add_argument("--strict", action="store_true", help="any failure fails the run, also one that the base has")
    sub.add_argument(
        "--bisect-exit",
        action="store_true",
        help="exit status for `git bisect run`: 0 good, 1 bad, 125 cannot be told",
    )


def _outputs(sub: argparse.ArgumentParser, json: str) -> None:
    sub.add_argument(
        "--output", type=Path, metavar="DIR", help="the run directory (default: a new one; an interrupted one goes on)"
    )
    sub.add_argument("--junit", metavar="FILE", help="write the JUnit report here too; - is stdout")
    sub.add_argument("--json", metavar="FILE", help=f"write {json} here too; - is stdout")
    _junit(sub)
    _verbose(sub)


def _junit(sub: argparse.ArgumentParser) -> None:
    """What these say of a run holds for `report`, too, unless it is said anew."""
    sub.add_argument("--suite-name", metavar="NAME", help="put NAME. in front of the names of JUnit's suites")
    sub.add_argument(
        "--attachments-root",
        metavar="DIR",
        help="name JUnit's attachments relative to DIR, for GitLab its project's directory (default: absolute paths, "
        "as Jenkins wants them)",
    )


def _verbose(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("-v", "--verbose", action="store_true", help="show every command that runs")


def _gdb(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--gdb", action="store_true", help="wait at the first instruction for gdb; says how to start it")
