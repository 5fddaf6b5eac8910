"""Readers of lcov and Cobertura files read ours: diff-cover, and a validator of Cobertura's document type."""

from __future__ import annotations

import json
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from lxml import etree

from orchestrator.reporters import cobertura, lcov
from tests.unit.coverages import CONDITIONS, report, suite

# Which elements and attributes coverage-04.dtd knows, and where
DTD = """
<!ELEMENT coverage (sources?, packages)>
<!ATTLIST coverage line-rate CDATA #REQUIRED branch-rate CDATA #REQUIRED lines-covered CDATA #REQUIRED
  lines-valid CDATA #REQUIRED branches-covered CDATA #REQUIRED branches-valid CDATA #REQUIRED
  complexity CDATA #REQUIRED version CDATA #REQUIRED timestamp CDATA #REQUIRED>
<!ELEMENT sources (source*)>
<!ELEMENT source (#PCDATA)>
<!ELEMENT packages (package*)>
<!ELEMENT package (classes)>
<!ATTLIST package name CDATA #REQUIRED line-rate CDATA #REQUIRED branch-rate CDATA #REQUIRED
  complexity CDATA #REQUIRED>
<!ELEMENT classes (class*)>
<!ELEMENT class (methods, lines)>
<!ATTLIST class name CDATA #REQUIRED filename CDATA #REQUIRED line-rate CDATA #REQUIRED branch-rate CDATA #REQUIRED
  complexity CDATA #REQUIRED>
<!ELEMENT methods EMPTY>
<!ELEMENT lines (line*)>
<!ELEMENT line (conditions*)>
<!ATTLIST line number CDATA #REQUIRED hits CDATA #REQUIRED branch CDATA "false" condition-coverage CDATA "100%">
<!ELEMENT conditions (condition*)>
<!ELEMENT condition EMPTY>
<!ATTLIST condition number CDATA #REQUIRED type CDATA #REQUIRED coverage CDATA #REQUIRED>
"""
# Lines 8 to 22 of mm/memory.c and 4 to 6 of mm.h are new
DIFF = "".join(
    f"diff --git a/{name} b/{name}\n--- a/{name}\n+++ b/{name}\n@@ -{first},0 +{first},{count} @@\n" + "+x\n" * count
    for name, first, count in (("mm/memory.c", 8, 15), ("include/linux/mm.h", 4, 3))
)


@pytest.mark.parametrize(("name", "content"), [("c.info", lcov.content), ("c.xml", cobertura.content)])
def test_diff_cover_finds_the_lines_that_never_ran(name: str, content: object, tmp_path: Path) -> None:
    data = content(report(suite()))  # type: ignore[operator]
    (tmp_path / name).write_bytes(data)
    (tmp_path / "d.diff").write_text(DIFF)
    for words in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "x"]):
        subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@t", *words], cwd=tmp_path, check=True)
    code = "import sys; from diff_cover.diff_cover_tool import main; sys.exit(main(sys.argv[1:]) or 0)"
    command = [sys.executable, "-c", code, "diff-cover", name, "--diff-file", "d.diff", "--format", "json:out.json"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    found = json.loads((tmp_path / "out.json").read_text())
    assert found["src_stats"]["mm/memory.c"]["violation_lines"] == [20, 21, 22]
    assert found["src_stats"]["include/linux/mm.h"]["violation_lines"] == []
    assert found["total_num_lines"] == 7


def test_cobertura_is_valid() -> None:
    data = cobertura.content(report(suite(), suite(CONDITIONS, name="debug")))
    assert data
    tree = etree.fromstring(data)
    dtd = etree.DTD(StringIO(DTD))
    assert dtd.validate(tree), dtd.error_log
    assert len(tree.findall(".//condition")) == 5
    assert tree.getroottree().docinfo.system_url == "coverage-04.dtd"
