"""The judgement sets hold together: each log has one answer, and each answer names functions of its log."""

import re
import tomllib
from pathlib import Path

import pytest

DATA = Path(__file__).parents[1] / "data"
SETS = [path for path in (DATA / "culprits", DATA / "culprits-holdout") if path.is_dir()]


def answers(directory: Path) -> list[dict]:
    return tomllib.loads((directory / "answers.toml").read_text(encoding="utf-8"))["report"]


@pytest.mark.parametrize("directory", SETS, ids=lambda path: path.name)
def test_files_and_answers_match(directory):
    files = [answer["file"] for answer in answers(directory)]
    assert files, "a set without answers judges nothing"
    assert len(files) == len(set(files))
    assert sorted(files) == sorted(path.name for path in directory.glob("*.log"))


@pytest.mark.parametrize(
    ("directory", "answer"),
    [(directory, answer) for directory in SETS for answer in answers(directory)],
    ids=lambda value: value["file"] if isinstance(value, dict) else value.name,
)
def test_answers_name_functions_of_the_log(directory, answer):
    assert answer.keys() == {"file", "kind", "culprit", "also", "why"}
    assert answer["kind"]
    assert answer["why"].endswith(".")
    assert answer["culprit"] not in answer["also"]
    log = (directory / answer["file"]).read_text(encoding="utf-8")
    for function in (answer["culprit"], *answer["also"]):
        assert re.search(rf"(?<![\w.]){re.escape(function)}(?!\w)", log), f"{function} is not in {answer['file']}"
