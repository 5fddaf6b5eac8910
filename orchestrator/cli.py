"""argv -> a command. Light on purpose: what a command needs is imported when it runs, so that --help is instant.

Exit status: 0 nothing regressed, 1 the patch is at fault, 2 the request is wrong, 3 host or tool at fault, 130
interrupted.
"""

from __future__ import annotations

import importlib
import sys
import traceback

from orchestrator.arguments.parser import parser
from orchestrator.errors import Fault, OrchestrateError
from orchestrator.os_errors import situation
from orchestrator.reporters import stream
from orchestrator.reporters.text import printable


def main(argv: list[str] | None = None) -> int:
    """Run a command. The one place where errors become words and an exit status."""
    stream.open_closed()
    try:
        args = parser().parse_args(argv)
        command = importlib.import_module(f"orchestrator.commands.{args.command}")
        status: int = command.run(args)
    except OrchestrateError as error:
        _complain(error)
        return error.fault.value
    except KeyboardInterrupt:  # where no run is going on; a run stops in its own way (compose.stoppable)
        return Fault.INTERRUPT.value
    except BrokenPipeError as error:
        if error.filename != stream.STDOUT:  # the reader of our stdout is gone (| head): not worth a word
            _complain(situation(error))
        return Fault.INFRASTRUCTURE.value
    except OSError as error:
        _complain(situation(error))
        return Fault.INFRASTRUCTURE.value
    except Exception as error:  # noqa: BLE001, by itself Python would exit with 1: the patch is at fault
        stream.tell("".join(traceback.format_exception(error)))
        return Fault.INFRASTRUCTURE.value
    return status


def _complain(error: OrchestrateError) -> None:
    stream.tell(f"orchestrate: {printable(error.message)}\n")
    for line in error.detail.rstrip().splitlines():
        stream.tell(f"    {line}\n")
    if error.hint:
        stream.tell(f"hint: {printable(error.hint)}\n")


if __name__ == "__main__":
    sys.exit(main())
