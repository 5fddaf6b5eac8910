"""What a mail archive that public-inbox serves finds: the address to ask, and its answer, an Atom feed. Pure.

The answer is a stranger's: what is no such feed has no results.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit
from xml.etree import ElementTree

from orchestrator.parse.patches.tag import Tag, read_tag

_ATOM = "{http://www.w3.org/2005/Atom}"
_MOST_RESULTS = 1000
_NO_WORD = re.compile(r'["\x00-\x1f]+')


@dataclass(frozen=True)
class Result:
    """One mail that was found."""

    message_id: str
    tag: Tag


def subject_search(archive: str, title: str) -> str:
    """Where an archive answers which mails have the title in their subject."""
    return _search(archive, f's:"{_words(title)}"')


def text_search(archive: str, words: str) -> str:
    """Where an archive answers which mails have the words, as a phrase."""
    return _search(archive, f'"{_words(words)}"')


def _search(archive: str, query: str) -> str:
    return f"{archive.rstrip('/')}/?q={quote(query, safe='')}&x=A"


def _words(text: str) -> str:
    return " ".join(_NO_WORD.sub(" ", text).split())


def read_results(feed: bytes) -> tuple[Result, ...]:
    """The mails of an answer, in its order."""
    if b"<!DOCTYPE" in feed or b"<!ENTITY" in feed:  # no feed has one, and entities can be without end
        return ()
    try:
        entries = ElementTree.fromstring(feed).findall(f"{_ATOM}entry")
    except (ElementTree.ParseError, ValueError, LookupError):
        return ()
    return tuple(found for entry in entries[:_MOST_RESULTS] if (found := _result(entry)))


def versions_of(title: str, results: Sequence[Result]) -> dict[int, str]:
    """Version -> a message of it, of the series that has a patch or a cover letter with that very title."""
    found: dict[int, str] = {}
    for result in results:
        tag = result.tag
        if tag.is_patch and not tag.is_reply and tag.title == title:
            found.setdefault(tag.version, result.message_id)
    return found


def first_mails(results: Sequence[Result]) -> dict[int, str]:
    """Version -> a cover letter or first patch of it, where the series are not known by a title."""
    found: dict[int, str] = {}
    for result in results:
        tag = result.tag
        if tag.is_patch and not tag.is_reply and tag.number in (None, 0, 1):
            found.setdefault(tag.version, result.message_id)
    return found


def _result(entry: ElementTree.Element) -> Result | None:
    title, link = entry.find(f"{_ATOM}title"), entry.find(f"{_ATOM}link")
    if title is None or link is None or not title.text:
        return None
    try:
        path = urlsplit(link.get("href", "")).path
    except ValueError:
        return None
    message_id = unquote(path.rstrip("/").rpartition("/")[2])
    text = html.unescape(title.text) if title.get("type") == "html" else title.text
    return Result(message_id, read_tag(text)) if "@" in message_id else None
