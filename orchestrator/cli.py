"""argv -> a command. Light on purpose: what a command needs is imported when it runs, so that --help is instant.

Exit status: 0 nothing regressed, 1 the patch is at fault, 2 the request is wrong, 3 host or tool at fault, 130
interrupted.
"""

from __future__ import annotations

import errno
import importlib
import os
import sys

from orchestrator.arguments import parser
from orchestrator.errors import DiskFull, Fault, OrchestrateError

FREE_SPACE = "free some and run the same command again: what was done is kept"


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
    except Exception as error:  # noqa: BLE001, by itself Python would exit with 1: the patch is at fault
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            _complain(DiskFull(f"no space left on device: {error.filename or 'see df'}", hint=FREE_SPACE))
        else:
            sys.excepthook(type(error), error, error.__traceback__)
        return Fault.INFRASTRUCTURE.value
    return status


def _complain(error: OrchestrateError) -> None:
    sys.stderr.write(f"orchestrate: {error.message}\n")
    for line in error.detail.rstrip().splitlines():
        sys.stderr.write(f"    {line}\n")
    if error.hint:
        sys.stderr.write(f"hint: {error.hint}\n")


if __name__ == "__main__":
    sys.exit(main())
