"""argv -> a command. Light on purpose: what a command needs is imported when it runs, so that --help is instant.

Exit status: 0 nothing regressed, 1 the patch is at fault, 2 the request is wrong, 3 host or tool at fault, 130
interrupted.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from orchestrator.arguments.options.failures import BISECT_EXIT
from orchestrator.arguments.parser import parser
from orchestrator.errors import Fault, OrchestrateError, UsageError
from orchestrator.reporters import stream
from orchestrator.reporters.complaint import complain

CANNOT_TELL, GIVE_UP = 125, 128  # what `git bisect run` takes for: skip this commit, end the bisection


GONE = UsageError("the working directory does not exist any more", hint="cd to one that does")


def main(argv: list[str] | None = None) -> int:
    """Run a command. The one place where errors become words and an exit status."""
    stream.open_closed()
    words = sys.argv[1:] if argv is None else argv
    try:
        args = parser().parse_args(words)
    except Exception as error:  # noqa: BLE001, as below
        status = _told(error)
        return GIVE_UP if any(map(_asks_to_bisect, words)) else status  # it would be the same for every commit
    bisects = getattr(args, "bisect_exit", False)
    try:
        _apply_settings(args, words)
        command = importlib.import_module(f"orchestrator.commands.{args.command.replace('-', '_')}")
        status = command.run(args)
    except KeyboardInterrupt:  # where no run is going on; a run stops in its own way (compose.stoppable)
        status = Fault.INTERRUPT.value
    except UsageError as error:
        error.hint = "; ".join(filter(None, (_origin(error, args), error.hint)))
        status = _told(error)
    except Exception as error:  # noqa: BLE001, by itself Python would exit with 1: the patch is at fault
        status = _told(GONE if isinstance(error, FileNotFoundError) and _where() is None else error)
    return for_bisection(status) if bisects else status


def _apply_settings(args: argparse.Namespace, words: Sequence[str]) -> None:
    """Raises UsageError, BadDeclaration."""
    from orchestrator.settings import resolve  # here: --help, which never comes so far, needs no reader of TOML

    resolve.give(args, words, os.environ, _where())


def _where() -> Path | None:
    """The directory that the user stands in, if it is still there."""
    try:
        return Path.cwd()
    except OSError:
        return None


def _origin(error: UsageError, args: argparse.Namespace) -> str:
    """Where what an error is about was set, if that was not on the command line."""
    from orchestrator.settings import resolve  # it is loaded by now, or there are no settings

    return resolve.blame(error.message, getattr(args, "found", {}))


def _asks_to_bisect(word: str) -> bool:
    """Whether it is the option, or short for it, on a command line that the parser refuses."""
    return word.startswith("--b") and BISECT_EXIT.flags[0].startswith(word)


def for_bisection(status: int) -> int:
    """The exit status for `git bisect run`, which takes 2 and 3 for a bad commit, and 130 for an error of its own."""
    return status if status in (0, 1, Fault.INTERRUPT.value) else CANNOT_TELL


def _told(error: Exception) -> int:
    """Say it, and return its exit status."""
    is_unread = isinstance(error, BrokenPipeError) and error.filename == stream.STDOUT
    if not is_unread:  # a reader of our stdout that is gone (| head) is not worth a word
        complain(error)
    return (error.fault if isinstance(error, OrchestrateError) else Fault.INFRASTRUCTURE).value


if __name__ == "__main__":
    sys.exit(main())
