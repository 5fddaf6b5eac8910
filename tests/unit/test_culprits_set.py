"""The judgement set: reports whose culprit was named by hand before any classifier had seen them."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from orchestrator.parse.logs.kernel_report import scan
from orchestrator.parse.logs.log_format import detect

SET = Path(__file__).parents[1] / "data/culprits"
ANSWERS: list[dict[str, Any]] = tomllib.loads((SET / "answers.toml").read_text(encoding="utf-8"))["report"]
# Where the rule names another function than a maintainer would, with the reason
MISSES = {
    "038-null-memcpy-nvmet.log": "the page that TCP copies into is nvmet's, which the place of the code does not say",
    "345-skbmod-infoleak.log": "who wrote what leaks is not in the trace of the copy, where nobody but netlink is",
    "500-lockdep-xfs-can-free-eofblocks.log": "a subsystem's own wrapper of a lock is its own, by the sixth convention",
    "908-softlockup-kvm-mmu-release.log": "the outermost function is mm's, which calls KVM's notifier",
    "1094-ems-usb-dma.log": "USB's own helper of a function that drivers ask for: the table knows exported ones only",
    **dict.fromkeys(
        (
            "308-ntfs3-wnd-rescan.log", "310-f2fs-victim.log", "312-memcg-iter.log", "313-fuse-fill-write.log",
            "315-e1000e-mdic.log", "370-mpt3sas-hard.log", "371-bpf-for-each.log", "372-ksm-stable.log",
        ),
        "the answer is the function with the loop; the README's fifth convention, and the rule, name the outermost one",
    ),
}  # fmt: skip
SYSTEM_CALL = re.compile(r"^(?:__(?:x64|ia32|arm64|riscv|s390x|powerpc)_sys_|__(?:do|se)_sys_|SyS_|SYSC_)")


def test_files_and_answers_match() -> None:
    files = [answer["file"] for answer in ANSWERS]
    assert len(files) == len(set(files)) > 200
    assert sorted(files) == sorted(path.name for path in SET.glob("*.log"))


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: answer["file"])
def test_answers_name_functions_of_the_log(answer: dict[str, Any]) -> None:
    assert answer.keys() == {"file", "kind", "culprit", "also", "why"}
    assert answer["kind"]
    assert answer["why"].endswith(".")
    assert answer["culprit"] not in answer["also"]
    log = (SET / answer["file"]).read_text(encoding="utf-8")
    for function in (answer["culprit"], *answer["also"]):
        assert re.search(rf"(?<![\w.]){re.escape(function)}(?!\w)", log), f"{function} is not in {answer['file']}"


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: answer["file"])
def test_the_culprit_is_one_that_a_maintainer_would_name(answer: dict[str, Any]) -> None:
    log = (SET / answer["file"]).read_bytes()
    found = scan(log, detect(log))
    assert found, "the report is not found"
    accepted = {SYSTEM_CALL.sub("sys_", function) for function in (answer["culprit"], *answer["also"])}
    assert (found[0].frame in accepted) is (answer["file"] not in MISSES), found[0].title
