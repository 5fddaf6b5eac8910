"""Which functions each case executes, kept for later runs by content: what the case is made of, and the fragments of
the kconfig. There is a file for each base that it was learned on.

It only orders cases, so a base that is not the present one is better than nothing: the latest counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from orchestrator.context import Context, Places
from orchestrator.declarations.catalog import Catalog
from orchestrator.jobs.base_results import files_of_case
from orchestrator.model.case import Case
from orchestrator.model.kernel import Kconfig
from orchestrator.model.selection import Learned
from orchestrator.storage import kept
from orchestrator.storage.store import key, locked, write_atomically

SCHEMA = 2
MOST = 5  # bases for which we keep what a case executed


def known(places: Places, catalog: Catalog, kconfig: Kconfig, cases: Iterable[Case]) -> Mapping[str, Learned]:
    """By case, what was learned last. Cases of which nothing was learned are missing."""
    found = {case.name: _latest(_home(places, catalog, kconfig, case), case.name) for case in cases}
    return {name: learned for name, learned in found.items() if learned}


def is_whole(context: Context, kconfig: Kconfig, cases: Iterable[Case], commit: str) -> bool:
    """Whether each of these cases has been looked at whole on this base."""
    homes = (_home(context.places, context.catalog, kconfig, case) for case in cases)
    return all((found := _read(home / _name(commit))) and found.is_whole for home in homes)


def learn(context: Context, kconfig: Kconfig, case: Case, news: Learned) -> None:
    """Add what a run saw."""
    path = _home(context.places, context.catalog, kconfig, case) / _name(news.commit)
    with locked(path.with_suffix(".lock"), on_wait=lambda holder: None, pause=context.runner.cancel.sleep):
        before = _read(path) or Learned(case.name, news.commit)
        first, then = (news, before) if before.is_whole else (before, news)  # entries say more than statements
        rates = tuple(sorted((dict(first.rates) | dict(then.rates)).items()))
        learned = Learned(case.name, news.commit, rates, before.is_whole or news.is_whole)
        write_atomically(path, kept.dumps(learned, SCHEMA))
        for old in _latest_first(path.parent)[MOST:]:
            old.unlink(missing_ok=True)


def _home(places: Places, catalog: Catalog, kconfig: Kconfig, case: Case) -> Path:
    name = key(
        "learned",
        case=case.name,
        args=case.args,
        files=files_of_case(catalog, case),
        symbols=[fragment.symbols for fragment in kconfig.fragments],
    )
    return places.learned / name


def _name(commit: str) -> str:
    return f"{commit}.json"


def _latest(home: Path, case: str) -> Learned | None:
    found = (_read(path) for path in _latest_first(home))
    return next((learned for learned in found if learned and learned.case == case), None)


def _latest_first(home: Path) -> list[Path]:
    ages: list[tuple[int, str, Path]] = []
    for path in home.glob("*.json"):
        with suppress(FileNotFoundError):  # another run makes room
            ages.append((path.stat().st_mtime_ns, path.name, path))
    return [path for _, _, path in sorted(ages, reverse=True)]


def _read(path: Path) -> Learned | None:
    """None where there is no file that can be read."""
    try:
        return kept.load(Learned, path, SCHEMA)
    except ValueError:
        return None
