"""argv -> a command. Light on purpose: what a command needs is imported when it runs, so that --help is instant.

Exit status: 0 nothing regressed, 1 the patch is at fault, 2 the request is wrong, 3 host or tool at fault, 130
interrupted.
"""

from __future__ import annotations

import argparse
import errno
import importlib
import os
import sys
from pathlib import Path

from orchestrator import __version__
from orchestrator.errors import DiskFull, Fault, OrchestrateError

FREE_SPACE = "free some and run the same command again: what was done is kept"
EPILOG = """\
exit status: 0 nothing regressed, 1 the patch is at fault, 2 the request is wrong,
             3 the host or a tool is at fault, 130 interrupted
"""


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser(
        prog="orchestrate",
        description="From a Linux mm patch to a verdict with evidence: build, boot under QEMU, stress, report.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"orchestrate {__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)

    test = commands.add_parser("test", help="test a patch or series: the main job", epilog=EPILOG,
                               formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    _what(test)
    _where(test)
    test.add_argument("--testcase", action="append", default=[], metavar="NAME",
                      help="run just this case, this directory's cases, or this tag's (repeatable)")  # fmt: skip
    test.add_argument("--duration", type=float, metavar="S", help="seconds that each case stresses (default: its own)")
    test.add_argument("--seed", type=int, default=1, metavar="N", help="for the cases' random choices (default 1)")
    test.add_argument("--baseline", choices=("auto", "always", "never"), default="auto",
                      help="test the unpatched kernel too: auto does where the patched one failed, to tell whether "
                           "the failure is new")  # fmt: skip
    test.add_argument("--freeze-on-failure", action="store_true",
                      help="end at the first kernel report, hang or panic; that guest stays, paused")  # fmt: skip
    test.add_argument("--each-patch", action="store_true",
                      help="build and boot the kernel behind each patch of the series too")  # fmt: skip
    test.add_argument("--jobs", type=int, default=1, metavar="N", help="kernels that are tested side by side")
    test.add_argument("--output", type=Path, metavar="DIR", help="the run directory (default: a new one, see the end)")
    test.add_argument("--junit", type=Path, metavar="FILE", help="write the JUnit report here too")
    test.add_argument("--json", metavar="FILE", help="write the JSON report here too; - is stdout")
    test.add_argument("-v", "--verbose", action="store_true", help="show every command that runs")

    for name, text in (("build", "build the kernels only"), ("boot", "build, boot and say who answered")):
        sub = commands.add_parser(name, help=text)
        _what(sub)
        _where(sub)
        if name == "boot":
            _gdb(sub)
        sub.add_argument("-v", "--verbose", action="store_true", help="show every command that runs")

    shell = commands.add_parser("shell", help="boot a kernel, or resume a guest that was left behind, and drop into it")
    _what(shell)
    _where(shell)
    _gdb(shell)
    shell.add_argument("-v", "--verbose", action="store_true", help="show every command that runs")
    shell.add_argument(
        "words",
        nargs="*",
        metavar="WORD",
        help="a command to run there instead of a shell (after --); "
        "first a RUN_DIR whose guest --freeze-on-failure left behind, to resume that one",
    )

    mutants = commands.add_parser(
        "mutants",
        help="which seeded bugs does the suite notice?",
        epilog="exit status: 0 every seeded bug was noticed, 1 some were not, 2 the request is wrong,\n"
        "             3 not all could be judged, 130 interrupted",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _what(mutants)
    _where(mutants)
    mutants.add_argument("--mutants", type=Path, metavar="DIR", help="where they are (default: beside the series)")
    mutants.add_argument(
        "--mutant", action="append", default=[], metavar="NAME", help="hunt just this one (repeatable)"
    )
    mutants.add_argument(
        "--testcase", action="append", default=[], metavar="NAME", help="with just this case (repeatable)"
    )
    mutants.add_argument(
        "--duration", type=float, metavar="S", help="seconds that each case stresses (default: its own)"
    )
    mutants.add_argument("--seed", type=int, default=1, metavar="N", help="for the cases' random choices (default 1)")
    mutants.add_argument("--jobs", type=int, default=1, metavar="N", help="mutants that are hunted side by side")
    mutants.add_argument("--budget", type=float, metavar="S", help="begin no mutant after so many seconds")
    mutants.add_argument("--no-delays", action="store_true", help="without the series' delay points")
    mutants.add_argument("--output", type=Path, metavar="DIR", help="the run directory (default: a new one)")
    mutants.add_argument("--junit", type=Path, metavar="FILE", help="write the JUnit report here too")
    mutants.add_argument("--json", metavar="FILE", help="write the matrix as JSON here too; - is stdout")
    mutants.add_argument("-v", "--verbose", action="store_true", help="show every command that runs")

    classify = commands.add_parser("classify", help="find kernel reports in log files, or judge a run again",
                                   description="A run directory is judged again, with the run's exit status. Of log "
                                               "files the kernel's reports are listed: exit status 0 when all could "
                                               "be read, whatever is in them, else 2.")  # fmt: skip
    classify.add_argument(
        "paths",
        nargs="+",
        type=Path,
        metavar="FILE|RUN_DIR",
        help="console logs, dmesg, syslog, ... (plain or gzip; - is stdin), or one run directory",
    )
    classify.add_argument("--json", metavar="FILE", help="write the report as JSON here too; - is stdout")
    classify.add_argument("--vmlinux", type=Path, metavar="FILE",
                          help="decode log files' addresses to lines of code, with the kernel that ran")  # fmt: skip
    classify.add_argument("--known-issues", type=Path, metavar="FILE", help="kernel reports that are no failure")

    report = commands.add_parser("report", help="show the report of a run and write its files again")
    report.add_argument("run_dir", type=Path, metavar="RUN_DIR")
    report.add_argument("--junit", type=Path, metavar="FILE", help="write the JUnit report here too")
    report.add_argument("--json", metavar="FILE", help="write the JSON report here too; - is stdout")
    report.add_argument("--attachments", default="absolute", choices=("absolute", "relative"),
                        help="paths of attachments in JUnit: Jenkins wants absolute ones, GitLab relative")  # fmt: skip

    postmortem = commands.add_parser("postmortem", help="open drgn on the memory dump that a hung or crashed case left")
    postmortem.add_argument("case_dir", type=Path, metavar="RUN_DIR/SUITE/CASE")
    postmortem.add_argument("--print", action="store_true", help="write what it says to stdout instead")

    listing = commands.add_parser("list", help="what there is to choose from")
    listing.add_argument("kind", choices=("testcases", "kconfigs", "patches", "machines", "bases"))
    listing.add_argument("--json", action="store_true", help="as JSON")

    doctor = commands.add_parser("doctor", help="is this machine ready? what is missing, and how to install it")
    doctor.add_argument("--json", action="store_true", help="as JSON")
    doctor.add_argument("--install", action="store_true", help="install what is missing (Debian: apt-get)")
    return top


def _what(sub: argparse.ArgumentParser) -> None:
    sub.add_argument(
        "--patch",
        metavar="PATH",
        help="a .patch, a directory of them, an mbox (file or URL) or a name under patches/; without: the base itself",
    )
    sub.add_argument("--tree", type=Path, metavar="DIR", help="a git tree with the base (it is only read)")
    sub.add_argument("--base", metavar="NAME|REV", help="a base's name, or with --tree a revision (default HEAD)")
    sub.add_argument("--kconfig", action="append", default=[], metavar="NAME[+NAME]",
                     help="fragments over tinyconfig (default base; repeatable: one kernel for each)")  # fmt: skip


def _where(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--accel", choices=("auto", "kvm", "tcg"), default="auto", help="auto proves that KVM works first")
    sub.add_argument("--machine", default="q35", metavar="NAME", help="see `orchestrate list machines`")
    sub.add_argument("--smp", type=int, metavar="N", help="CPUs of the guest, also more than the host has (default: "
                     "the machine's)")  # fmt: skip
    sub.add_argument("--memory", type=int, metavar="MIB", help="the guest's memory (default: the machine's)")
    sub.add_argument("--known-issues", type=Path, metavar="FILE",
                     help="kernel reports that are no failure (default: known-issues.yaml beside the series or in the "
                          "tree)")  # fmt: skip
    sub.add_argument("--boot-timeout", type=float, metavar="S", help="give up on a silent boot (default: scaled)")


def _gdb(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--gdb", action="store_true", help="wait at the first instruction for gdb; says how to start it")


def main(argv: list[str] | None = None) -> int:
    """Run a command. The one place where errors become words and an exit status."""
    args = parser().parse_args(argv)
    command = importlib.import_module(f"orchestrator.commands.{args.command}")
    try:
        status: int = command.run(args)
    except OrchestrateError as error:
        _complain(error)
        return error.fault.value
    except KeyboardInterrupt:  # where no run is going on; a run stops in its own way (compose.stoppable)
        return Fault.INTERRUPT.value
    except BrokenPipeError:
        # the reader of our stdout is gone (| head): not worth a traceback
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 3
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        _complain(DiskFull(f"no space left on device: {error.filename or 'see df'}", hint=FREE_SPACE))
        return DiskFull.fault.value
    return status


def _complain(error: OrchestrateError) -> None:
    sys.stderr.write(f"orchestrate: {error.message}\n")
    for line in error.detail.rstrip().splitlines():
        sys.stderr.write(f"    {line}\n")
    if error.hint:
        sys.stderr.write(f"hint: {error.hint}\n")


if __name__ == "__main__":
    sys.exit(main())
