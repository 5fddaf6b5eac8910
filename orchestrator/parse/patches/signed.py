"""OpenPGP's clear-signed text (RFC 9580, 7): what was signed, as it was before. Signatures are not verified here."""

from __future__ import annotations

import re

NOTE = "it is signed: its signature was not verified"
SIGNED_TYPE = "multipart/signed"  # of a mail whose signature is a part of its own (OpenPGP, S/MIME)
_BEGIN = b"-----BEGIN PGP SIGNED MESSAGE-----"
_BLOCK = re.compile(
    rb"^" + _BEGIN + rb"[ \t]*\r?\n"
    rb"(?P<head>(?:[A-Za-z][A-Za-z-]*: [^\n]*\n)*)"
    rb"(?P<text>[ \t]*\r?\n(?:(?!-----)[^\n]*\n)*)"
    rb"-----BEGIN PGP SIGNATURE-----[ \t]*\r?\n"
    rb"(?P<signature>(?:(?!-----)[^\n]*\n)*)"
    rb"(?:-----END PGP SIGNATURE-----[ \t]*\r?(?:\n|\Z))?",
    re.MULTILINE,
)  # fmt: skip
_ENCODING = re.compile(rb"^Content-Transfer-Encoding:[ \t]*([A-Za-z0-9-]+)", re.MULTILINE | re.IGNORECASE)
_ESCAPED = re.compile(rb"^- ", re.MULTILINE)
_ESCAPED_BUT_BEHIND_SOFT_BREAKS = re.compile(rb"(?<!=\n)(?<!=\r\n)^- ", re.MULTILINE)


def without_armour(data: bytes) -> bytes:
    """A text, a mail or an mbox without the armour of what in it is clear-signed. Lines keep their numbers: blank ones
    stand where the armour was."""
    return _BLOCK.sub(_bare, data) if _BEGIN in data else data


def _bare(block: re.Match[bytes]) -> bytes:
    """In quoted-printable text a line behind a soft break is the rest of another."""
    before = _ENCODING.findall(block.string, 0, block.start())
    is_quoted = bool(before) and before[-1].lower() == b"quoted-printable"
    escaped = _ESCAPED_BUT_BEHIND_SOFT_BREAKS if is_quoted else _ESCAPED
    above = b"\n" * (1 + block["head"].count(b"\n"))
    below = b"\n" * block[0].count(b"\n", block.end("text") - block.start())
    return above + escaped.sub(b"", block["text"]) + below
