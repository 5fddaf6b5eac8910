"""What b4 adds to a series, where it is installed: trailers that reviewers gave in replies, and what it finds out about
signatures. It never changes what is tested: of its output the commit messages alone are taken, of patches whose diff is
the one that we read ourselves. It runs offline: it would ask lore.kernel.org, whatever archive the thread is from."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from orchestrator.errors import PatchUnreadable
from orchestrator.host.process import Command, Runner, find_program
from orchestrator.model.series import Series
from orchestrator.parse.patches.series import Choice, read_patches
from orchestrator.words import counted

LIMIT_S = 60.0
OPTIONS = ("--no-interactive", "--offline-mode", "--config", "b4.attestation-checkmarks=simple")
TRAILER = re.compile(r"^\s+(?:\S+ )?\+ (?P<trailer>[A-Z][A-Za-z-]+: .+)$", re.MULTILINE)
SIGNATURE = re.compile(r"^\s+[vx] (?P<words>(?:Signed|BADSIG|No key): .+)$", re.MULTILINE)


def with_trailers(runner: Runner, thread: bytes, message_id: str, series: Series) -> tuple[Series, tuple[str, ...]]:
    """The series with the trailers of the replies in its thread, and notes for the user. Without b4: as it is."""
    beside = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    program = find_program("b4", beside)
    if program is None:
        return series, ()
    version = str(series.patches[0].version)
    with tempfile.TemporaryDirectory(prefix="orchestrate-b4-") as scratch:
        mbox = Path(scratch) / "thread.mbox"
        mbox.write_bytes(thread)
        words = ("am", "--no-cache", "--use-version", version, "--use-local-mbox", str(mbox), "-o", "-", message_id)
        found = runner.run(Command((str(program), *OPTIONS, *words), cwd=Path(scratch)), timeout_s=LIMIT_S)
    said = found.stderr.decode(errors="replace")
    try:
        letters = {
            (patch.message_id, patch.sha256): patch.letter
            for patch in read_patches(
                [("b4 am", found.stdout)], choice=Choice(version=series.patches[0].version)
            ).patches
        }
    except PatchUnreadable:
        how = "did not end in time" if found.timed_out else f"exited with {found.status}: {found.tail(1)}"
        return series, (f"b4 {how}; trailers and signatures were not looked at",)
    patches = tuple(
        replace(patch, letter=letters.get((patch.message_id, patch.sha256), patch.letter)) for patch in series.patches
    )
    trailers = [match["trailer"] for match in TRAILER.finditer(said)]
    notes = [f"b4 added {counted(len(trailers), 'trailer')} of replies: {', '.join(trailers[:3])}"] if trailers else []
    notes += [f"b4: {match['words']}" for match in SIGNATURE.finditer(said)]
    return replace(series, patches=patches), tuple(dict.fromkeys(notes))
