"""Generated mutants -> those worth testing: they compile, to code that differs from the series' and from each other's.

Each mutant is compiled by itself, as the kernel compiles its file, but without debug information: objects that differ
in nothing but names and lines are equal code (trivial compiler equivalence, Papadakis et al., ICSE 2015). A header is
compiled as part of the changed sources that include it, or of some others where there are none.
"""

from __future__ import annotations

import posixpath
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from orchestrator.build.name_users import users_of_names
from orchestrator.build.objects import compile_sources, configured_objects, is_made_from, object_of
from orchestrator.build.product import Product
from orchestrator.build.toolchain import Toolchain, first_error
from orchestrator.build.worktree import build_directory, worktree_lock
from orchestrator.context import Context
from orchestrator.evidence import object_code
from orchestrator.evidence.object_code import code_digest
from orchestrator.host import resources
from orchestrator.host.process import Command, Confined
from orchestrator.model.kernel import AppliedTree, KernelConfig
from orchestrator.model.series import Mutant
from orchestrator.model.subject import Subject
from orchestrator.parse.patches.mutant import files_of
from orchestrator.source.git import Git
from orchestrator.source.objects import Trees
from orchestrator.source.trees import move_worktree
from orchestrator.storage import kept
from orchestrator.storage.manifest import file_digest
from orchestrator.storage.store import key, write_atomically
from orchestrator.words import counted

FILE, SCHEMA = "screened.json", 1
WITNESSES = 3  # sources that a header is compiled in where the series changes none that includes it,
ASKED = 24  # of so many that use its functions, these directories' first: they are compiled in most kernels
LIKELY = ("mm/", "kernel/", "fs/", "lib/")
# Of debug information, of dependencies, and what makes any warning fatal. -Werror=... stays: kernels are built with it
DROPPED = re.compile(r"-g\S*|-W[pl],-MM?D\S*|-fdebug-\S*|-Werror")


@dataclass(frozen=True)
class Screened:
    """What screened.json says: the mutants that no guest is spent on, with the reasons."""

    left_out: tuple[tuple[str, str], ...]


def screen(
    context: Context,
    subject: Subject,
    applied: AppliedTree,
    mutants: Sequence[Mutant],
    most: int,
    config: KernelConfig,
    toolchain: Toolchain,
    log: Path,
) -> Product[Screened]:
    """Which of some mutants of a tree to leave out; at most the first `most` of the others stay. Raises BuildFailed
    if the series itself does not compile, and ToolMissing or CommandFailed if the host is why."""
    product_key = key(
        "screen",
        tree=applied.tree,
        config=config.digest,
        compiler=toolchain.compiler,
        mutants=[(mutant.name, mutant.digest) for mutant in mutants],
        most=most,
        how=[file_digest(Path(one)) for one in (__file__, object_code.__file__)],
    )
    if known := context.store.read("screen", product_key, lambda found: kept.load(Screened, found / FILE, SCHEMA)):
        return Product(known, cached=True, note=_note(known, mutants))
    with worktree_lock(context, applied.base, subject.worktree) as lock:
        source = move_worktree(applied.base, subject.worktree, applied.tree, context.runner)
        build = build_directory(source, subject.kernel.variant.name)
        changed = dict.fromkeys((*applied.files, *(name for mutant in mutants for name in files_of(mutant.diff))))
        commands = dict(compile_sources(context, build, list(changed), config, toolchain, lock, log))
        if others := _witnesses(context, applied, build, commands, mutants, toolchain):
            commands |= compile_sources(context, build, others, config, toolchain, lock, log)
        compiler = _Compiler(context, applied, build, commands, toolchain.places)
        found = Screened(tuple(_left_out(compiler, mutants, most)))
    context.store.put(
        "screen", product_key, lambda scratch: write_atomically(scratch / FILE, kept.dumps(found, SCHEMA))
    )
    detail = "\n".join(f"{name}: {why}" for name, why in found.left_out)
    return Product(found, cached=False, note=_note(found, mutants), detail=detail)


def _witnesses(
    context: Context,
    applied: AppliedTree,
    build: Path,
    commands: Mapping[str, tuple[str, ...]],
    mutants: Sequence[Mutant],
    toolchain: Toolchain,
) -> tuple[str, ...]:
    """Sources that the series does not change, for its headers that none of its compiled sources includes: some that
    use the functions in which there are mutants."""
    names: dict[str, dict[str, None]] = {}
    for mutant in mutants:
        if mutant.file.endswith(".h") and not any(is_made_from(build, object_of(one), mutant.file) for one in commands):
            names.setdefault(mutant.file, {})[mutant.function] = None
    git = Git(applied.base.home / "git", context.runner)
    found: dict[str, None] = {}
    for functions in names.values():
        users = users_of_names(context, git, applied.tree, tuple(functions), toolchain, too_common=sys.maxsize)
        asked = sorted(users, key=lambda name: not name.startswith(LIKELY))[:ASKED]
        ours = configured_objects(context, build, {posixpath.dirname(name) for name in asked}, toolchain.source)
        found |= dict.fromkeys([name for name in asked if object_of(name) in ours][:WITNESSES])
    return tuple(found)


def _left_out(compiler: _Compiler, mutants: Sequence[Mutant], most: int) -> Iterator[tuple[str, str]]:
    """In the order of the mutants, until enough of them stay. The reasons say what is known."""
    same: dict[tuple[str, ...], str] = {}  # objects -> the first mutant that compiles to them
    stay = at = 0
    size = 4 * resources.cpus()
    with ThreadPoolExecutor(resources.cpus()) as pool:
        unchanged = set(pool.map(compiler.unchanged, compiler.commands))
        while at < len(mutants) and stay < most:
            batch = mutants[at : at + size]
            at += len(batch)
            for mutant, (why, made) in zip(batch, pool.map(compiler.compile, batch), strict=True):
                if not why and unchanged.issuperset(made):
                    # of a header, sources that the series does not change may make something else
                    is_source = all(name.endswith(".c") for name in files_of(mutant.diff))
                    where = "in this kconfig" if is_source else "in the sources that it was compiled in"
                    why = f"without effect {where}: it compiles to the same code"
                elif not why and (first := same.setdefault(made, mutant.name)) != mutant.name:
                    why = f"compiles to the same code as {first}"
                if why or stay == most:
                    yield mutant.name, why or _beyond(most)
                else:
                    stay += 1
    for mutant in mutants[at:]:
        yield mutant.name, _beyond(most)


@dataclass(frozen=True)
class _Compiler:
    """Compiles mutants one by one, in several threads. `commands` are of the series' sources, `places` those of their
    toolchain."""

    context: Context
    applied: AppliedTree
    build: Path
    commands: Mapping[str, tuple[str, ...]]
    places: tuple[Path, ...]

    def compile(self, mutant: Mutant) -> tuple[str, tuple[str, ...]]:
        """Why the mutant is not worth a guest, or nothing and the objects that it changes."""
        (name,) = files_of(mutant.diff)
        sources = [one for one in self.commands if one == name or is_made_from(self.build, object_of(one), name)]
        if not sources and name.endswith(".c"):
            return f"{name} is not compiled in this kconfig", ()
        if not sources:
            return f"no source was found that is compiled and includes {name}", ()
        trees = Trees(self.applied.base, self.context.runner)
        tree, why = trees.with_diff(self.applied.tree, mutant.diff)
        text = trees.read(tree, name) if tree else None
        if text is None:
            return why or f"{name} is gone", ()
        made: list[str] = []
        for source in sources:
            error, digest = self._object(source, name, text)
            if error:
                return f"does not compile: {error}", ()
            made.append(f"{source} {digest}")
        return "", tuple(made)

    def unchanged(self, source: str) -> str:
        """What a source of the series compiles to, in the same words."""
        text = (self.build.parent / source).read_text(encoding="utf-8", errors="surrogateescape")
        return f"{source} {self._object(source, source, text)[1]}"

    def _object(self, source: str, name: str, text: str) -> tuple[str, str]:
        """A source compiled with one file replaced: the compiler's first error, or the digest of the object."""
        with tempfile.TemporaryDirectory(prefix=".mutant-", dir=self.applied.base.home) as home:
            for file in dict.fromkeys((source, name)):
                copy = Path(home) / file
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(self.build.parent / file, copy)
            (Path(home) / name).write_text(text, encoding="utf-8", errors="surrogateescape")
            product = Path(home) / "object"
            argv = _beside(self.commands[source], source, Path(home), product)
            confined = Confined(writes=(Path(home),), reads=(self.applied.base.home, *self.places))
            result = self.context.runner.run(Command(argv, cwd=self.build, confined=confined))
            if result.status != 0:
                said = result.stderr.decode(errors="replace")
                return (first_error(said) or ("", result.tail(1)))[1], ""
            return "", code_digest(product)


def _beside(command: Sequence[str], source: str, home: Path, product: Path) -> tuple[str, ...]:
    """A saved command of the compiler for the copy of a source in another directory, whose files come first."""
    words = [word for word in command if not DROPPED.fullmatch(word)]
    words[words.index("-o") + 1] = str(product)
    words[-1] = str(home / source)
    include = [f"-I{home / word.removeprefix('-I../')}" for word in words if word.startswith("-I../")]
    found = (f"-iquote{home / posixpath.dirname(source)}", f"-iquote../{posixpath.dirname(source)}", *include)
    return (words[0], *found, f"-fmacro-prefix-map={home}/=", *words[1:])


def _beyond(most: int) -> str:
    return f"not among the {most} most informative"


def _note(found: Screened, mutants: Sequence[Mutant]) -> str:
    return f"{counted(len(mutants) - len(found.left_out), 'mutant')} of {len(mutants)} worth a guest"
