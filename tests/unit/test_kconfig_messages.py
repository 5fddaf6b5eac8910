"""Why kconfig refused a tree: its output for a 6.12 whose mm/Kconfig was broken in one way each."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.parse.configuration.kconfig_messages import main_message

DATA = Path(__file__).parents[1] / "data/kconfig"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("unknown-statement", 'mm/Kconfig:15: unknown statement "menuconfg"'),
        ("missing-end", "mm/Kconfig:1349: missing end statement for this entry"),
        ("missing-file", 'mm/Kconfig:1349: can\'t open file "mm/Kconfig.none"'),
        ("error-if", "mm/Kconfig:1349: vm_refcnt needs a newer gcc"),
        ("choice-member", "mm/Kconfig:1352: choice member must be bool"),
        (
            "recursive-dependency",
            "Kconfig: recursive dependency: symbol AAA depends on BBB, symbol BBB depends on AAA",
        ),
        ("recursive-inclusion", "mm/Kconfig:1349: recursive inclusion"),
    ],
)
def test_the_message_that_says_what_is_wrong_is_found(name: str, message: str) -> None:
    assert main_message((DATA / f"{name}.txt").read_text()) == message


def test_every_recorded_output_is_tested() -> None:
    assert len(list(DATA.iterdir())) == 7


@pytest.mark.parametrize(
    ("log", "message"),
    [
        # the entry's other lines are no more than its consequences
        ("mm/Kconfig:16: syntax error\nmm/Kconfig:16: invalid statement\n", "mm/Kconfig:16: syntax error"),
        ("mm/Kconfig:16:warning: prompt redefined\nmake: *** [Makefile:236: __sub-make] Error 2\n", ""),
        ("../scripts/kconfig/conf.c:40:1: error: expected identifier before 'int'\n", ""),
        (
            "../scripts/kconfig/Makefile:10: *** missing separator.  Stop.\nmake: *** [Makefile:236: x] Error 2\n",
            "scripts/kconfig/Makefile:10: missing separator",
        ),
        # up to 5.x
        (
            "mm/Kconfig:10:error: recursive dependency detected!\nmm/Kconfig:10:\tsymbol A depends on B\n"
            "mm/Kconfig:14:\tsymbol B is selected by A\nFor a resolution refer to\n",
            "mm/Kconfig:10: recursive dependency: symbol A depends on B, symbol B is selected by A",
        ),
    ],
)
def test_other_words_of_kconfig_and_make(log: str, message: str) -> None:
    assert main_message(log) == message
