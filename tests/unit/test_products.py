"""What several jobs of a run share. Kernels are stand-ins: nothing is built."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import NoReturn

import pytest

from orchestrator.build.product import Product
from orchestrator.context import Context, Places
from orchestrator.declarations.catalog import load_catalog
from orchestrator.errors import BuildFailed
from orchestrator.host.process import Cancel, Runner
from orchestrator.jobs.build import Finders, Stage
from orchestrator.jobs.journal import Stopped
from orchestrator.jobs.perform import perform
from orchestrator.jobs.products import Products
from orchestrator.model.attempt import Ending, Planned
from orchestrator.model.case import Programs
from orchestrator.model.job import MakePrograms, Session
from orchestrator.model.kernel import Base, Kconfig, KernelConfig
from orchestrator.model.outcome import Outcome
from orchestrator.model.subject import baseline, patched
from tests.unit.simulated import plan

PLAN = plan()
BASE = Base("linux", "1234", "a base", Path("bases/linux"))
SUBJECT = patched(PLAN.kernel(PLAN.variants[0]))


def nobody() -> NoReturn:
    raise AssertionError("nothing is booted")


class World:
    """Where a kernel is made in no time, or is not, as `build_id` says."""

    def __init__(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.home = home
        self.build_id = "one"
        self.made = 0
        (home / ".config").touch()
        self.config = KernelConfig(home / ".config", "", frozenset())
        tree = SimpleNamespace(base=BASE, applied=SimpleNamespace(tree="5678"))
        monkeypatch.setattr("orchestrator.jobs.products.check_accelerator", lambda *_: None)
        monkeypatch.setattr("orchestrator.jobs.products.make_tree", lambda *_: tree)
        self.unbuilt: tuple[tuple[str, str], ...] = ()
        monkeypatch.setattr("orchestrator.jobs.products.make_config", lambda *_: self.config)
        monkeypatch.setattr(
            "orchestrator.jobs.products.make_programs", lambda *_: Programs(home, "digest", self.unbuilt)
        )
        monkeypatch.setattr("orchestrator.jobs.products.make_kernel", self._make)

    def products(self) -> Products:
        """Of a run in the same directory, begun or resumed."""
        context = Context(
            Places(self.home / "cache", self.home / "state"), load_catalog(), Runner(Cancel()), lambda event: None
        )
        return Products(context, PLAN, self.home / "run", Finders(base=lambda source: (BASE, True), accel=nobody))

    def _make(self, context: Context, stage: Stage, *_: object) -> object:
        def work() -> Product[object]:
            self.made += 1
            if not self.build_id:
                raise BuildFailed("no")
            image = Path("store/kernel/bzImage")
            return Product(
                SimpleNamespace(build_id=self.build_id, compiler="gcc", release="6.12", image=image, warnings=()),
                cached=False,
            )

        kernel = stage("build", work)
        tree = SimpleNamespace(base=BASE, applied=SimpleNamespace(tree="5678"))
        return SimpleNamespace(kernel=kernel, tree=tree, config=SimpleNamespace(path=self.home / ".config"))


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, monkeypatch)


def test_a_kernel_is_made_once_whoever_asks_and_however_often(world: World) -> None:
    products = world.products()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: products.built(SUBJECT), range(8)))
    assert world.made == 1
    assert len({id(one) for one in found}) == 1


def test_a_kernel_that_cannot_be_made_stops_whoever_asks(world: World) -> None:
    world.build_id = ""
    products = world.products()
    for _ in range(3):
        with pytest.raises(Stopped):
            products.built(SUBJECT)
    assert world.made == 1
    assert [stage.outcome for stage in products.journal(SUBJECT).report().stages] == [Outcome.FAIL]


def test_what_another_build_of_a_resumed_run_did_counts_no_more_though_no_guest_is_wanted(world: World) -> None:
    """All cases had run when it was interrupted: nobody boots this build before the verdict."""
    products = world.products()
    products.built(SUBJECT)
    journal = products.journal(SUBJECT)
    journal.next_guest()
    journal.give_up(Planned("gup", 1), Ending.UNMET, "no")
    again = world.products()
    again.built(SUBJECT)
    assert again.journal(SUBJECT).report().cases
    world.build_id = "two"
    again = world.products()
    again.built(SUBJECT)
    assert not again.journal(SUBJECT).report().cases


def test_each_subject_has_the_stages_of_its_kernel_also_where_kconfigs_say_the_same(world: World) -> None:
    (kconfig,) = PLAN.kconfigs
    other = patched(replace(SUBJECT.kernel, kconfig=Kconfig("other", kconfig.fragments)))
    products = world.products()
    for subject in (SUBJECT, other):
        products.built(subject)
        assert [stage.stage for stage in products.journal(subject).report().stages] == ["build"]


def test_a_record_names_the_files_of_its_kconfig(world: World) -> None:
    (kconfig,) = PLAN.kconfigs
    mine = patched(replace(SUBJECT.kernel, kconfig=replace(kconfig, files=("/home/me/mine.config",))))
    assert world.products().journal(mine).report().facts.kconfig_files == ("/home/me/mine.config",)


# --- what is asked of a base

BASELINE = baseline(SUBJECT.kernel)


def test_what_a_base_does_not_build_is_answered_without_a_kernel_of_it(world: World) -> None:
    world.unbuilt = (("a", "a.c:3: error"),)
    products, session = world.products(), Session(BASELINE, (Planned("a", 7, 1),))
    for job in (MakePrograms(BASELINE), session):
        perform(job, products)
    report = products.journal(BASELINE).report()
    assert (world.made, report.without_guest) == (0, ("a",))
    assert [(found.message, found.is_not_built, found.pair) for found in report.attempts] == [("a.c:3: error", True, 1)]
    products.remember_bases()
    assert not products.context.places.base_results.exists(), "nobody knows which guests it would have had"


def test_a_session_that_needs_a_guest_or_is_a_first_test_needs_a_kernel(world: World) -> None:
    world.unbuilt = (("a", "a.c:3: error"),)
    world.build_id = ""
    for planned in ((Planned("a", 7, 1), Planned("b", 7, 1)), (Planned("a", 7),), ()):
        before = world.made
        products = world.products()
        perform(Session(BASELINE, planned), products)
        assert world.made == before + 1, planned
        assert not products.journal(BASELINE).report().attempts


def test_what_other_programs_said_without_a_guest_counts_no_more(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.unbuilt = (("a", "a.c:3: error"),)
    perform(Session(BASELINE, (Planned("a", 7, 1),)), world.products())
    monkeypatch.setattr("orchestrator.jobs.products.make_programs", lambda *_: Programs(world.home, "other"))
    again = world.products()
    perform(MakePrograms(BASELINE), again)
    report = again.journal(BASELINE).report()
    assert (report.attempts, report.without_guest) == ((), ())
