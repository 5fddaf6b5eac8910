"""A run as a KCIDB document. It reads the patches in the run directory, and nothing else there.

    checkout  a base with or without patches. Equal ones of other runs are the same object
    build     a kernel of a checkout. The same product of other runs is the same object
    test      an attempt of a case, one of its subtests, or a stage that tests; never that of another run
    issue     a title of a kernel report. The same title of other runs is the same object
    incident  that a test met an issue

An object has the same id whenever the document is made, so whoever takes it twice has it once.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

from orchestrator.host import bounded
from orchestrator.model.kernel import Role
from orchestrator.model.outcome import Outcome
from orchestrator.model.report import RunReport, StageResult, SuiteReport
from orchestrator.reporters.elsewhere import address, ci_name, run_id
from orchestrator.reporters.junit_names import suite_name
from orchestrator.reporters.kcidb.issues import incidents, issues
from orchestrator.reporters.kcidb.names import Json, moment, object_id, seconds, text, without_nothing
from orchestrator.reporters.kcidb.status import of_build
from orchestrator.reporters.kcidb.tests import Excerpts, tests

MAJOR, MINOR = 5, 3
PATCHES, BASE_PATCHES = "patches", "base-patches"  # of the run directory
APPLY, CONFIGURE, BUILD = "apply", "configure", "build"
_ID = re.compile(r"[^\s<>@\0]+@[^\s<>@\0]+")
EXCERPTS_BYTES = 32 << 20
"""Of all excerpts together. The server takes 512 MiB, and people read little of them."""


def content(report: RunReport) -> bytes | None:
    """The whole file; None for a mutation run, which is about the tests and no news of a kernel."""
    if any(suite.has_mutants for suite in report.suites):
        return None
    return b"".join(_lines(document(report)))


def _lines(found: Json) -> Iterator[bytes]:
    """The document with an object on each line: for grep, and json's own indentation takes three times as long."""
    yield b"{" + f'"version": {json.dumps(found["version"])}'.encode()
    for name, objects in found.items():
        if name != "version":
            yield f',\n"{name}": [\n'.encode()
            yield b",\n".join(json.dumps(one, allow_nan=False).encode("ascii") for one in objects)
            yield b"\n]"
    yield b"}\n"


def document(report: RunReport) -> Json:
    """The document as plain data. Lists are there only if something is in them."""
    excerpts = Excerpts.of(report, EXCERPTS_BYTES)
    checkouts: dict[str, Json] = {}
    builds: dict[str, Json] = {}
    found: list[Json] = []
    issued: dict[str, Json] = {}
    met: list[Json] = []
    for suite in report.suites:
        checkout = _checkout(report, suite, excerpts)
        checkouts.setdefault(checkout["id"], checkout)
        if checkout.get("valid") is False:
            continue  # nothing was built
        build = _build(report, suite, checkout["id"], excerpts)
        builds.setdefault(build["id"], build)
        ran = list(tests(report, suite, build["id"], excerpts))
        found += [one.data for one in ran]
        for issue in issues(report, suite, ran):
            issued.setdefault(issue["id"], issue)
        met += incidents(report, suite, build["id"], ran)
    parts = {
        "checkouts": list(checkouts.values()),
        "builds": list(builds.values()),
        "tests": found,
        "issues": list(issued.values()),
        "incidents": met,
    }
    return {"version": {"major": MAJOR, "minor": MINOR}, **{name: part for name, part in parts.items() if part}}


def _checkout(report: RunReport, suite: SuiteReport, excerpts: Excerpts) -> Json:
    facts, count = suite.facts, _patches(report, suite)
    is_whole = 0 < count == len(report.subjects)
    # the commits of a source package are made by us, and mean nothing elsewhere
    is_public = bool(facts.base_url or facts.base_tree)
    base = (facts.base_url, facts.base_branch, facts.commit if is_public else facts.base)
    commit = facts.known_commit
    apply = next((one for one in suite.stages if one.stage == APPLY), None)
    is_refused = apply is not None and apply.is_patch_fault
    envelope = report.mails[0] if report.mails and count else None
    subject = envelope.subject if envelope and is_whole else report.series if is_whole else facts.patch
    return without_nothing(
        {
            "id": object_id(report, "checkout", *base, report.series_digest if count else "", str(count)),
            "origin": ci_name(report),
            "git_repository_url": facts.base_url if re.fullmatch(r"https://[\x21-\x7e]+", facts.base_url) else "",
            "git_repository_branch": text(facts.base_branch),
            "git_commit_hash": commit if is_public and re.fullmatch(r"[0-9a-f]{40}", commit) else "",
            "git_commit_name": "" if is_public else text(facts.base),
            "patchset_hash": _patchset_hash(report, count, has_more=bool(facts.under)),
            "message_id": envelope.message_id if envelope and _ID.fullmatch(envelope.message_id) else "",
            "comment": text(subject),
            "start_time": moment(report.started),
            "valid": True if apply and apply.outcome is Outcome.PASS else False if is_refused else None,
            "log_excerpt": excerpts.text(_said(apply)) if apply and apply.outcome.is_bad else "",
            "log_url": address(report, apply.log) if apply else "",
            "misc": {"orchestrate": _about(report)} if count else {},
        }
    )


def _patches(report: RunReport, suite: SuiteReport) -> int:
    """How many of the series the kernel has, or was to have."""
    if suite.role is Role.PATCHED:
        return len(report.subjects)
    return suite.facts.patches if suite.role is not Role.BASELINE else 0


def _about(report: RunReport) -> Json:
    return without_nothing(
        {
            "series": text(report.series),
            "series_digest": report.series_digest,
            "patches": [text(one) for one in report.subjects],
            "message_ids": [text(one) for one in report.message_ids if one],
        }
    )


def _patchset_hash(report: RunReport, count: int, *, has_more: bool) -> str | None:
    """SHA-256 of the lines with the SHA-256 of each patch, as the schema wants it, and "" without patches; None where
    not all patches can be read. `has_more`: those that the series requires are below its own."""
    if not count and not has_more:
        return ""
    try:
        required = _digests(report, BASE_PATCHES) if has_more else []
        own = _digests(report, PATCHES, count) if count else []
    except (OSError, ValueError):  # gone, or a path that none can be
        return None
    if len(own) != count or (has_more and not required):
        return None
    return hashlib.sha256("".join(f"{one}\n" for one in (*required, *own)).encode()).hexdigest()


def _digests(report: RunReport, directory: str, count: int | None = None) -> list[str]:
    """Of the first patches in a directory of the run; all of them without `count`. OSError, ValueError."""
    paths = sorted(Path(report.run_dir, directory).iterdir())[:count]
    return [hashlib.sha256(bounded.read_bytes(path, bounded.RECORD)).hexdigest() for path in paths]


def _build(report: RunReport, suite: SuiteReport, checkout: str, excerpts: Excerpts) -> Json:
    facts, stages = suite.facts, [one for one in suite.stages if one.stage in (CONFIGURE, BUILD)]
    bad = next((one for one in stages if one.outcome.is_bad), None)
    arch, compiler = facts.arch or report.arch, facts.compiler or report.compiler
    # a kernel that was not built is none that another run can have built too
    what = facts.product or f"{run_id(report)} {suite.name}"
    return without_nothing(
        {
            "id": object_id(report, "build", checkout, arch, compiler, suite.kconfig, what),
            "checkout_id": checkout,
            "origin": ci_name(report),
            "architecture": re.sub(r"[^a-z0-9_]", "_", arch.lower()),
            "compiler": text(compiler),
            "config_name": text(suite.kconfig),
            "config_url": address(report, suite.name, "config") if facts.product else "",
            "start_time": moment(suite.started),
            "duration": seconds(sum(one.time_s for one in stages)),
            "status": of_build(suite, stages),
            "comment": text(bad.message) if bad else "",
            "log_excerpt": excerpts.text(_said(bad)) if bad else "",
            "log_url": address(report, (bad or stages[-1]).log) if stages else "",
            "misc": {"orchestrate": without_nothing({
                "kernel": text(facts.kernel), "build_id": facts.build_id, "product": facts.product,
                "warnings": facts.warnings, "suite": text(suite_name(report, suite)), "role": suite.role.value,
                "version": text(report.version),
            })},
        }
    )  # fmt: skip


def _said(stage: StageResult | None) -> str:
    return "\n".join(part for part in (stage.message, stage.detail) if part) if stage else ""
