"""The rooms: imports point down only, and each third party has one owner."""

from __future__ import annotations

import ast
import dataclasses
import enum
import importlib
import inspect
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pytest

from orchestrator import errors
from orchestrator.model.outcome import Verdict

PACKAGE = Path(errors.__file__).parent
MODULES = {
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for path in PACKAGE.rglob("*.py")
}

# From top to bottom. A module may import from its own layer and from those below.
LAYERS = (
    ("cli", "__main__"),
    ("commands",),
    ("invocation",),
    ("dashboard",),
    ("history",),
    ("settings",),
    ("arguments",),
    ("outbound",),
    ("cluster",),  # jobs and their products, on other machines
    ("questions.ask",),  # the one place where questions meet those who answer them
    ("jobs",),
    ("judge.mutation_run",),
    ("evidence.decode",),
    ("evidence.source_lines",),
    ("judge.run",),
    ("nights",),
    ("build",),
    ("judge.attempts", "judge.logs", "judge.outputs"),
    ("evidence.coverage.collect", "evidence.cost.collect"),
    ("runs",),
    ("plan",),
    ("guest", "evidence", "source", "reporters"),
    ("context",),
    ("declarations",),
    ("execution",),  # knows jobs as values alone
    ("evidence.symbols", "version"),
    ("storage",),
    ("questions",),  # policies: they name jobs and see reports, and know neither who does the jobs nor how
    ("judge",),
    (
        "parse",
        "declarations.schema",
        "codec",
        "events",
        "build.schemata",
        "mutation",
    ),
    ("roots",),
    (
        "host",
        "web",
        "words",
    ),
    ("model", "errors"),
    ("",),  # the package itself: its version
)

MIGRATIONS = ("v0001_first_tables", "v0002_what_is_shown", "v0003_night_items")
QUESTIONS = ("ask", "flakes", "groups", "measures", "news", "passes", "runs", "titles")

OWNERS = {
    "cattrs": {"codec"},
    "subprocess": {"host.process", "source.archive", "guest.qemu"},  # the latter two only name PIPE of process.start
    "requests": {"web.fetch", "web.api"},
    "watchfiles": {"host.watching"},
    "paramiko": {"guest.ssh"},
    "fabric": {"guest.ssh"},
    "invoke": {"guest.ssh"},
    "cryptography": {"guest.ssh", "cluster.identity"},
    "dask": {"cluster.transport"},
    "distributed": {"cluster.transport", "cluster.connection"},
    "elftools": {"evidence.coverage.elf", "evidence.cost.elf", "evidence.object_code"},
    "junit_xml": {"reporters.junit"},
    "yaml": {"declarations.yaml_text"},
    "re2": {"parse.expressions"},
    "drgn": {
        "evidence.symbols",
        "evidence.cost.layouts",
        "evidence.vma_writes.layout",
        "evidence.postmortem.extract",
        "evidence.postmortem.console",
    },  # the latter two run as children
    "jinja2": {"reporters.html.render"},
    "sqlalchemy": {f"history.{name}" for name in ("database", "derived", "keep", "nights", "schema")}
    | {f"history.questions.{name}" for name in QUESTIONS}
    | {f"history.migrations.versions.{name}" for name in MIGRATIONS},
    "starlette": {"dashboard.app"},
    "uvicorn": {"dashboard.serve"},
    "alembic": {"history.database"} | {f"history.migrations.versions.{name}" for name in MIGRATIONS},
    "rich": {"reporters.terminal", "reporters.progress"},
}


@cache
def imports(path: Path) -> frozenset[str]:
    """What a module imports. Each is read once for hundreds of tests."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(found)


def layer(module: str) -> int:
    name = module.removeprefix("orchestrator").lstrip(".")
    candidates = [
        (len(prefix), number)
        for number, prefixes in enumerate(LAYERS)
        for prefix in prefixes
        if name == prefix or name.startswith(f"{prefix}.")
    ]
    assert candidates, f"{module} is in no layer: name its layer here"
    return max(candidates)[1]


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_point_down(module: str) -> None:
    upward = {
        name
        for name in imports(MODULES[module])
        if name in MODULES and name != "orchestrator" and layer(name) < layer(module)
    }
    assert not upward, f"{module} imports from above: {sorted(upward)}"


@pytest.mark.parametrize("package", sorted(OWNERS))
def test_a_third_party_has_its_owners(package: str) -> None:
    importers = {
        name.removeprefix("orchestrator.")
        for name, path in MODULES.items()
        if any(found == package or found.startswith(f"{package}.") for found in imports(path))
    }
    assert importers <= OWNERS[package]


def test_one_module_counts_cpus() -> None:
    """So that a container's quota holds everywhere. host.load reads the clocks of all of the host's CPUs."""
    counters = {name for name, path in MODULES.items() if re.search(r"sched_getaffinity|cpu_count", path.read_text())}
    assert counters == {"orchestrator.host.resources", "orchestrator.host.load"}


PRINTERS = {"reporters.stream", "evidence.postmortem.extract"}  # the latter is a child that answers us in JSON


def test_one_module_prints() -> None:
    """So that nothing reaches a terminal unfiltered, and no closed terminal ends a run."""
    for name, path in MODULES.items():
        if name.removeprefix("orchestrator.") in PRINTERS:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            called = ast.unparse(node.func)
            assert called not in ("print", "os.write"), f"{name}:{node.lineno}"
            assert not called.startswith(("sys.stdout.", "sys.stderr.")), f"{name}:{node.lineno}: {called}"


# Whatever decides: the same input gives the same answer, anywhere and at any time
PURE = (
    "parse",
    "judge",
    "questions",
    "mutation",
    "guest.condition",
    "dashboard.guard",
    "dashboard.names",
    *(f"history.{name}" for name in ("changes", "interval", "standing", "subject", "trend")),
    *(f"evidence.postmortem.{name}" for name in ("facts", "refcnt", "rules", "text")),
    *(f"evidence.coverage.{name}" for name in ("functions", "judge", "line_table", "mapping", "told")),
)
# They read what a run left in files, or ask the host
IMPURE = ("judge.attempts", "judge.logs", "judge.outputs", "judge.run", "judge.mutation_run", "questions.ask")
EFFECTS = {
    "asyncio", "concurrent", "datetime", "multiprocessing", "os", "shutil", "signal", "socket", "subprocess", "sys",
    "tempfile", "threading", "time",
}  # fmt: skip


# Reads tables when it is imported or first used; what it then does with them is pure
READS_DECLARATIONS = ("orchestrator.roots",)


def is_below(name: str, rooms: Iterable[str]) -> bool:
    return any(name == room or name.startswith(f"{room}.") for room in rooms)


DECIDING = sorted(
    module
    for module in MODULES
    if is_below(module.removeprefix("orchestrator."), PURE) and module.removeprefix("orchestrator.") not in IMPURE
)


def with_all_that_it_imports(module: str) -> set[str]:
    """A module and those of ours that it needs, however far away."""
    found: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name not in found and name in MODULES and name != "orchestrator":
            found.add(name)
            waiting += imports(MODULES[name]) if name not in READS_DECLARATIONS else set()
    return found


@pytest.mark.parametrize("module", DECIDING)
def test_what_decides_is_pure(module: str) -> None:
    for name in with_all_that_it_imports(module) - {*READS_DECLARATIONS}:
        effects = {found.split(".")[0] for found in imports(MODULES[name])} & EFFECTS
        assert not effects, f"{module} has effects by {name}: {sorted(effects)}"
    tree = ast.parse(MODULES[module].read_text())
    called = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    assert not called & {"open", "input", "print"}, module


def test_what_is_said_to_be_impure_is() -> None:
    """An exception that is needed no more hides the next one."""
    assert {"orchestrator.questions.regression", "orchestrator.judge.compare", "orchestrator.judge.verdict"} <= {
        *DECIDING
    }
    for name in IMPURE:
        path = MODULES[f"orchestrator.{name}"]
        reads = "pathlib" in {found.split(".")[0] for found in imports(path)}
        reached = with_all_that_it_imports(f"orchestrator.{name}")
        assert reads or any({found.split(".")[0] for found in imports(MODULES[one])} & EFFECTS for one in reached), name


@pytest.mark.parametrize("module", [module for module in DECIDING if ".judge." in module or ".questions." in module])
def test_judges_and_questions_touch_no_file(module: str) -> None:
    assert not {found.split(".")[0] for found in imports(MODULES[module])} & {"pathlib", "io", "gzip", "json"}


@pytest.mark.parametrize("room", ["judge", "reporters", "history", "evidence.coverage", "evidence.cost"])
def test_what_is_made_of_a_record_needs_no_guest(room: str) -> None:
    """A run is judged, reported and kept where no guest could be started, and without what starts one."""
    for module in (name for name in MODULES if is_below(name, [f"orchestrator.{room}"])):
        reached = with_all_that_it_imports(module)
        assert not [name for name in reached if is_below(name, ("orchestrator.guest",))], module


def test_executors_and_questions_know_nothing_of_each_other() -> None:
    """So that one of either is added without touching the other; questions.ask puts them together."""
    rooms = {
        "questions": ("execution", "jobs", "invocation", "commands"),
        "execution": ("questions", "jobs", "judge", "invocation", "commands"),
    }
    for room, others in rooms.items():
        for module in (name for name in MODULES if is_below(name, [f"orchestrator.{room}"])):
            if module != "orchestrator.questions.ask":
                reached = with_all_that_it_imports(module)
                assert not [name for name in reached if is_below(name, (f"orchestrator.{one}" for one in others))], (
                    module
                )


def frozen_values() -> list[type]:
    found: list[type] = []
    for name in sorted(MODULES):
        if name.endswith("__main__"):
            continue
        module = importlib.import_module(name)
        found += [
            kind
            for _, kind in inspect.getmembers(module, dataclasses.is_dataclass)
            if kind.__module__ == module.__name__
        ]
    return found


def test_values_between_stages_are_frozen_and_hold_no_mutable_sequences() -> None:
    for kind in frozen_values():
        if not kind.__module__.startswith(("orchestrator.model.", "orchestrator.runs.", "orchestrator.events")):
            continue
        assert kind.__dataclass_params__.frozen, kind  # type: ignore[attr-defined]
        for entry in dataclasses.fields(kind):
            assert not any(
                word in str(entry.type) for word in ("list[", "dict[", "set[") if f"frozen{word}" not in str(entry.type)
            ), f"{kind.__name__}.{entry.name} is mutable"


def test_every_error_has_a_fault_and_faults_have_distinct_exit_statuses() -> None:
    statuses = [fault.value for fault in errors.Fault]
    assert len(set(statuses)) == len(statuses)
    kinds = [
        kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, errors.OrchestrateError)
    ]
    assert len(kinds) > 10
    assert all(isinstance(kind.fault, errors.Fault) and kind.__doc__ for kind in kinds)


def test_verdicts_and_faults_agree_on_exit_statuses() -> None:
    assert {verdict.exit_status for verdict in Verdict} == {0} | {fault.value for fault in errors.Fault}


def test_every_enum_value_is_unique() -> None:
    modules = [importlib.import_module(name) for name in MODULES if name.startswith("orchestrator.model.")]
    kinds = {
        kind
        for module in modules
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, enum.Enum) and kind.__module__ == module.__name__
    }
    assert Verdict in kinds
    for kind in kinds:
        assert len({member.value for member in kind}) == len(kind)
