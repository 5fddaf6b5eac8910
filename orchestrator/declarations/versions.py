"""Versions of a series that were sent as threads of their own, as a mail archive knows them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from orchestrator.declarations.patches import fetch_thread, read_thread
from orchestrator.errors import PatchUnreadable
from orchestrator.model.series import Series
from orchestrator.parse.patches.archive_search import (
    Result,
    first_mails,
    read_results,
    subject_search,
    text_search,
    versions_of,
)
from orchestrator.parse.patches.series import Choice
from orchestrator.web.fetch import fetch_text

SEARCH_S = 15.0  # for which an archive may look
MOST_FOUND_BYTES = 8 << 20  # of its answer, which has the mails' text too
MOST_THREADS = 3  # that are fetched to see whose they are


def sent_version(archive: str, series: Series, wanted: Callable[[int], bool]) -> tuple[int, str] | None:
    """The newest version of those that are wanted, and a message of it. Raises DownloadFailed.

    A version is known by the title of the first patch, or by the change-id of its cover letter. Other series name a
    change-id too (b4's prerequisite-change-id), so a thread that only has the words is fetched to see whose it is.
    """
    titled = versions_of(title := series.patches[0].subject, _search(subject_search(archive, title)))
    others: Mapping[int, str] = {}
    if series.change_id:
        others = first_mails(_search(text_search(archive, series.change_id)))
    fetched = 0
    for version in sorted(filter(wanted, {*titled, *others}), reverse=True):
        if version in titled:
            return version, titled[version]
        if (fetched := fetched + 1) > MOST_THREADS:
            break
        if _change_id(archive, others[version], version) == series.change_id:
            return version, others[version]
    return None


def _search(url: str) -> tuple[Result, ...]:
    return read_results(fetch_text(url, deadline_s=SEARCH_S, max_bytes=MOST_FOUND_BYTES))


def _change_id(archive: str, message_id: str, version: int) -> str:
    try:
        return read_thread(archive, message_id, fetch_thread(archive, message_id), Choice(version=version)).change_id
    except PatchUnreadable:
        return ""
