"""What no mail with a patch has, and what makes the standard library's reader of mails slow or recursive. Pure.

Its time is quadratic in the length of a header with parameters and in the depth of parts, and each depth takes several
frames of Python's stack.
"""

from __future__ import annotations

import re
from itertools import islice

from orchestrator.words import counted

MOST_MAILS = 5000  # in one file: a busy list's week
MOST_PARTS = 10_000  # of a series
MOST_BOUNDARIES = 1000  # lines between the parts of one mail
MOST_MULTIPARTS = 40  # in one mail, forwarded mails among them
LONGEST_MIME_HEADER = 2000  # bytes
LONGEST_HEADER = 64 << 10  # characters of a field that are looked at: References of a long thread
LONGEST_SUBJECT = 1000  # characters, of an address and a date too

_MULTIPART = re.compile(rb"^content-type:[ \t\r\n]{0,80}(?:multipart|message)/", re.IGNORECASE | re.MULTILINE)
_BOUNDARY = re.compile(rb"boundary(?:\*\d{0,3}\*?)?[ \t]{0,80}=[ \t]{0,80}\"?([^\"\s;]{1,80})", re.IGNORECASE)
_MIME = re.compile(rb"^content-[a-z-]{1,40}:[^\n]*+(?:\n[ \t][^\n]*+)*+", re.IGNORECASE | re.MULTILINE)


def excess(letter: bytes) -> tuple[int, str] | None:
    """What a mail has too much of, and the byte where; None when it can be read."""
    if beyond := next(islice(_MULTIPART.finditer(letter), MOST_MULTIPARTS, None), None):
        return beyond.start(), f"more than {MOST_MULTIPARTS} multiparts and forwarded mails in one mail"
    for boundary in {match[1]: None for match in islice(_BOUNDARY.finditer(letter), MOST_MULTIPARTS)}:
        if (count := letter.count(b"\n--" + boundary)) > MOST_BOUNDARIES:
            return letter.find(b"\n--" + boundary) + 1, f"{counted(count, 'line')} between parts in one mail"
    for match in _MIME.finditer(letter):
        if len(match[0]) > LONGEST_MIME_HEADER:
            return match.start(), f"a {match[0].partition(b':')[0].decode()} header of {len(match[0])} bytes"
    return None
