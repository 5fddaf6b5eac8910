"""One input given to one reader: whether it was read or refused in time."""

from __future__ import annotations

import signal
import time
from dataclasses import dataclass

from tests.fuzz.readers import READERS, is_refusal

GRACE_S = 1.0  # CPU time that any input may take, however small
S_PER_BYTE = 1e-6
END_S = 20.0  # of CPU time, after which a reader is not waited for any longer


class Endless(BaseException):
    """A reader that does not end. Nothing that it catches."""


@dataclass(frozen=True)
class Fault:
    reader: str
    what: str
    data: bytes


def limit_s(size: int) -> float:
    """CPU seconds that a reader may take for an input of that many bytes."""
    return GRACE_S + S_PER_BYTE * size


def trial(reader: str, data: bytes) -> Fault | None:
    """What is wrong with how a reader takes an input. A wait is timed three times, since a host may be busy."""
    taken_s = []
    for _ in range(3):
        began = time.process_time()
        fault = _read(reader, data)
        taken_s.append(time.process_time() - began)
        if fault:
            return fault
        if taken_s[-1] <= limit_s(len(data)):
            return None
    return Fault(reader, f"a wait of {min(taken_s):.2f} s for {len(data)} bytes", data)


def _read(reader: str, data: bytes) -> Fault | None:
    previous = signal.signal(signal.SIGVTALRM, _give_up)
    signal.setitimer(signal.ITIMER_VIRTUAL, END_S)
    try:
        READERS[reader].read(data)
    except Endless:
        return Fault(reader, f"no end after {END_S:g} s", data)
    except Exception as error:  # noqa: BLE001, whatever it is, it is what was looked for
        if not is_refusal(error):
            return Fault(reader, f"{type(error).__name__}: {str(error)[:200]}", data)
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, previous)
    return None


def _give_up(number: int, frame: object) -> None:
    raise Endless
