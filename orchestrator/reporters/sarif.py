"""The places of a run's failures as SARIF 2.1.0, for code scanning and editors. Pure.

A result keeps its fingerprint when its line moves: it is made of what is wrong and in which file.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any
from urllib.parse import quote

from orchestrator.model.report import RunReport
from orchestrator.reporters.pinpoint import Pinpoint, pinpoints
from orchestrator.reporters.text import one_line, visible

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json"
MOST = 5_000  # of which GitHub shows those that are worst
_TITLE_CHARS, _MESSAGE_CHARS = 500, 10_000


def content(report: RunReport) -> bytes:
    """The whole file, ASCII."""
    return json.dumps(document(report), indent=1).encode("ascii") + b"\n"


def document(report: RunReport) -> dict[str, Any]:
    """One run with a result for each place."""
    found = pinpoints(report)[:MOST]
    rules = sorted({one.rule for one in found})
    run = {
        "tool": {
            "driver": {
                "name": "orchestrate",
                **({"semanticVersion": report.version} if report.version else {}),
                "rules": [_rule(rule) for rule in rules],
            }
        },
        "columnKind": "unicodeCodePoints",
        "automationDetails": {"id": f"orchestrate/{quote(_line(report.suite_name or report.series), safe='')}/"},
        "invocations": [
            {
                "executionSuccessful": report.verdict.exit_status in (0, 1),
                "exitCode": report.verdict.exit_status,
                "exitCodeDescription": report.verdict.value,
            }
        ],
        "properties": {"verdict": report.verdict.name, "reason": _line(report.reason)},
        "results": [_result(one, rules.index(one.rule)) for one in found],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(rule: str) -> dict[str, Any]:
    return {"id": _line(rule), "shortDescription": {"text": f"{_line(rule)} of a kernel under test"}}


def _result(one: Pinpoint, rule: int) -> dict[str, Any]:
    said = visible("\n".join([one.title, *one.details]))[:_MESSAGE_CHARS]
    region: dict[str, Any] = {"startLine": one.line}
    if one.text:
        region["snippet"] = {"text": visible(one.text)}
    return {
        "ruleId": _line(one.rule),
        "ruleIndex": rule,
        "level": one.level.value,
        "message": {"text": said},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": quote(one.file, errors="surrogateescape"), "uriBaseId": "SRCROOT"},
                    "region": region,
                }
            }
        ],
        "partialFingerprints": {"orchestrate/v1": _fingerprint(one)},
        "properties": {"kernel": _line(one.kernel), "test": _line(one.test), "patch": one.patch},
    }


def _fingerprint(one: Pinpoint) -> str:
    parts = "\0".join((one.rule, one.title, one.file, one.text))
    return hashlib.sha256(parts.encode("utf-8", "backslashreplace")).hexdigest()[:32]


def _line(text: str) -> str:
    return one_line(text, _TITLE_CHARS)
