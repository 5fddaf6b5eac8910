"""Threads of mails as an archive has them, made of real diffs, and a server that serves them as public-inbox does."""

from __future__ import annotations

import gzip
import re
import threading
from collections.abc import Mapping
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, quote, unquote, urlsplit


def diff(number: int, word: str = "changed") -> str:
    """One that changes line `number` of mm/memory.c, where nothing else has."""
    return (
        "diff --git a/mm/memory.c b/mm/memory.c\n--- a/mm/memory.c\n+++ b/mm/memory.c\n"
        f"@@ -{number - 1},3 +{number - 1},3 @@\n"
        f" line {number - 1}\n-line {number}\n+line {number} {word}\n line {number + 1}\n"
    )


def mail(
    subject: str, message_id: str, body: str, *, answers: str = "", sender: str = "A Developer <dev@example.org>"
) -> str:
    reply = f"In-Reply-To: <{answers}>\n" if answers else ""
    return (
        "From mboxrd@z Thu Jan  1 00:00:00 1970\n"
        f"From: {sender}\nDate: Mon, 5 Jan 2026 10:00:00 +0000\nSubject: {subject}\nMessage-ID: <{message_id}>\n"
        f"{reply}\n{body}\n"
    )


def patch(
    subject: str, message_id: str, number: int, *, word: str = "changed", more: str = "", answers: str = ""
) -> str:
    body = f"Because.\n\nSigned-off-by: A Developer <dev@example.org>\n---\n\n{diff(number, word)}-- \n2.39.5\n{more}"
    return mail(subject, message_id, body, answers=answers)


def thread(version: str = "", first: str = "cover@x", word: str = "changed", says: str = "") -> str:
    """A cover letter, which says something, and two patches."""
    stem = first.partition("@")[0]
    return (
        mail(f"[PATCH{version} 0/2] mm: two lines", first, f"Why.\n\n{says}\n")
        + patch(f"[PATCH{version} 1/2] mm: change line 6", f"{stem}-1@x", 6, word=word, answers=first)
        + patch(f"[PATCH{version} 2/2] mm: change line 20", f"{stem}-2@x", 20, word=word, answers=first)
    )


class Archive:
    """Serves /LIST/MESSAGE-ID/t.mbox.gz on the loopback. `answers` replaces the answer for a path, by its form."""

    def __init__(self, threads: Mapping[str, str]) -> None:
        self.threads = dict(threads)
        self.answers: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.asked: list[str] = []  # for threads
        self.searched: list[str] = []
        self.can_search = True
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                (outer.searched if "?q=" in self.path else outer.asked).append(self.path)
                status, headers, body = outer.answer(self.path)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/all"

    def answer(self, path: str) -> tuple[int, dict[str, str], bytes]:
        if path in self.answers:
            return self.answers[path]
        if "/?q=" in path:
            return self._found(path)
        _, _, message_id, *rest = path.split("/")
        found = self.threads.get(unquote(message_id))
        if found is None or rest != ["t.mbox.gz"]:
            return 404, {"Content-Type": "text/html"}, b"<html>Message-ID not found</html>"
        return 200, {"Content-Type": "application/gzip"}, gzip.compress(found.encode())

    def _found(self, path: str) -> tuple[int, dict[str, str], bytes]:
        """The mails that have the words in quotation marks; behind `s:`, in their subject."""
        if not self.can_search:
            return 404, {"Content-Type": "text/html"}, b"<html>no search here</html>"
        query = parse_qs(urlsplit(path).query)
        words, is_subject = query["q"][0].removeprefix("s:").strip('"'), query["q"][0].startswith("s:")
        assert query["x"] == ["A"]
        mails = [re.split(r"^(?=From mboxrd@z)", text, flags=re.M)[1:] for text in self.threads.values()]
        letters = [
            [re.findall(r"^Subject: (.*)\nMessage-ID: <(.*)>$", mail, re.M)[0] + (mail,) for mail in mails_of_thread]
            for mails_of_thread in mails
        ]
        entries = "".join(
            f'<entry><title type="html">{escape(escape(subject))}</title>'
            f'<link href="{self.url}/{quote(message_id)}/"/></entry>'
            for several in letters for subject, message_id, text in several
            if words in (subject if is_subject else text)
        )  # fmt: skip
        feed = f'<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><title>x</title>{entries}</feed>'
        return 200, {"Content-Type": "application/atom+xml"}, feed.encode()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
