"""Parcels, and how they are delivered: each news once, and what cannot be repeated at most once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum

from orchestrator.errors import NotSent, OrchestrateError
from orchestrator.judge.run import utc_now
from orchestrator.outbound.ledger import Entry, Ledger, State


@dataclass(frozen=True)
class Parcel:
    """Something to send, and how. `send` returns words for people and raises NotSent. `is_once`: sending it again is
    seen by its reader, and no server can be asked whether it came."""

    to: str  # for people too: an address without a token
    about: str
    news: str  # a digest
    what: str
    file: str  # where it is kept, in the run directory
    send: Callable[[], str] = field(repr=False)
    rehearse: Callable[[], str] = field(default=lambda: "", repr=False)  # everything but sending, as far as that goes
    is_once: bool = False
    only_change: bool = False  # it is news only for those who were told something else before


class How(Enum):
    """What became of a parcel."""

    SENT = "sent"
    KNOWN = "sent before"
    WOULD = "would be sent"
    NOT_SENT = "not sent"


@dataclass(frozen=True)
class Delivery:
    """`error` says why it was not sent."""

    parcel: Parcel
    how: How
    words: str = ""
    error: OrchestrateError | None = None


def deliver(
    parcels: Iterable[Parcel], ledger: Ledger, run: str, *, again: bool = False, is_rehearsal: bool = False
) -> Iterator[Delivery]:
    """Each parcel in its turn: one that fails keeps no other back. `again` sends what was sent before, too."""
    for parcel in parcels:
        last = ledger.last(parcel.to, parcel.about)
        if parcel.only_change and not again and (last is None or last.state == State.FAILED.value):
            continue
        if last and last.news == parcel.news and last.state == State.SENT.value and not again:
            yield Delivery(parcel, How.KNOWN, f"at {last.at}")
        elif last and last.news == parcel.news and last.state == State.BEGUN.value and parcel.is_once and not again:
            why = f"perhaps it was sent at {last.at}: that attempt had no end"
            yield Delivery(parcel, How.NOT_SENT, error=NotSent(why, hint="--again sends it all the same"))
        elif is_rehearsal:
            yield _rehearsed(parcel)
        else:
            yield _delivered(parcel, ledger, run)


def _rehearsed(parcel: Parcel) -> Delivery:
    try:
        return Delivery(parcel, How.WOULD, parcel.rehearse())
    except NotSent as error:
        return Delivery(parcel, How.NOT_SENT, error=error)


def _delivered(parcel: Parcel, ledger: Ledger, run: str) -> Delivery:
    def note(state: State) -> None:
        ledger.add(Entry(parcel.to, parcel.about, parcel.news, state.value, utc_now(), run))

    note(State.BEGUN)
    try:
        words = parcel.send()
    except NotSent as error:
        if not (error.is_unsure and parcel.is_once):
            note(State.FAILED)
        return Delivery(parcel, How.NOT_SENT, error=error)
    note(State.SENT)
    return Delivery(parcel, How.SENT, words)
