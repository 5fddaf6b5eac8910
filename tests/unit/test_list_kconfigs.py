"""What `orchestrate list kconfigs` says about each fragment."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from orchestrator.commands import list as listing

FRAGMENTS = {
    "short": ("# short: one line\nCONFIG_A=y\n", "one line", "1 symbol"),
    "long": ("# long: a summary of\n# two lines\n# slowdown: 2\nCONFIG_A=y\n", "a summary of two lines", "1 symbol"),
    "more": ("# more: what it is\n# And more of it.\nCONFIG_A=y\n", "what it is", "1 symbol"),
    "unset": ("# unset: nothing\n# CONFIG_A is not set\n", "nothing", "1 symbol"),
    "foreign": ("# foreign: for one\n\n# arch: arm64\nCONFIG_A=y\n", "for one", "1 symbol for arm64"),
    "whole": ("# Linux/x86 6.12.1 Kernel Configuration\nCONFIG_X86_64=y\n",
              "a whole .config of Linux/x86 6.12.1, for x86_64", "1 symbol"),
}  # fmt: skip


@pytest.mark.parametrize("name", FRAGMENTS)
def test_a_fragment_is_summed_up(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    text, summary, symbols = FRAGMENTS[name]
    (tmp_path / "kconfigs").mkdir()
    (tmp_path / "kconfigs" / f"{name}.config").write_text(text)
    monkeypatch.setenv("ORCHESTRATE_ROOT", str(tmp_path))
    assert listing.run(argparse.Namespace(kind="kconfigs", json=True)) == 0
    rows = {row["name"]: row for row in json.loads(capfd.readouterr().out)}
    assert rows[name] == {"name": name, "summary": summary, "symbols": symbols}
