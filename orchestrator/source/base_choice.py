"""Which commit of a user's tree a series belongs on: the one that its mails name, or the newest branch or tag to which
it applies. The tree is only read."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import UsageError
from orchestrator.host.process import Runner
from orchestrator.model.series import Patch, Series
from orchestrator.parse.patches.commit_patch import commit_patch
from orchestrator.source.bases import ask_tree, borrowed, in_tree
from orchestrator.source.checkout import commit_diff, commit_words
from orchestrator.source.git import Git
from orchestrator.words import counted

BATCH = 64  # candidates whose files are looked up together
MOST_STATES = 200  # different contents of the files of the series to which it is applied before we give up
MOST_COMMITS = 5000  # among which the patches that a series requires are looked for


@dataclass(frozen=True)
class Candidate:
    """A commit with the branches and tags that point to it. `time_s` is the committer's."""

    commit: str
    names: tuple[str, ...]
    time_s: int


@dataclass(frozen=True)
class Found:
    """The newest commit to which a series applies, and how it was found, for people."""

    commit: str
    words: str


def named_commit(tree: Path, commit: str, runner: Runner) -> str:
    """The full id of a commit that the mails of a series name. Raises UsageError if the tree lacks it."""
    found = _commit(tree, commit, runner)
    if not found:
        raise UsageError(
            f"the series is based on commit {commit[:12]} (its base-commit), which {tree} lacks",
            hint=f"git -C {shlex.quote(str(tree))} fetch REMOTE {commit}; on another base: --base auto, or --base HEAD",
        )
    return found


def has_commit(tree: Path, commit: str, runner: Runner) -> bool:
    """Whether a user's tree has a commit, by any name that git knows it under."""
    return bool(_commit(tree, commit, runner))


def _commit(tree: Path, commit: str, runner: Runner) -> str:
    return ask_tree(tree, runner, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{commit}^{{commit}}")


def newest_base(tree: Path, series: Series, runner: Runner) -> Found:
    """The newest branch or tag to which the series applies; those first that its subjects name. Raises UsageError."""
    candidates = _candidates(tree, series.foundation.trees, runner)
    files = list(dict.fromkeys(name for patch in series.patches for name in patch.files if "\n" not in name))
    failed: list[str] = []
    states: dict[tuple[bytes, ...], str] = {}  # of the ids of the files, why the series does not apply to them
    with borrowed(tree, runner) as git:
        for candidate, state in _with_states(git, candidates, files):
            if state not in states:
                if len(states) == MOST_STATES:
                    break
                states[state] = _why_not(git, candidate.commit, files, series)
            if not states[state]:
                others = f"; not to {failed[0]}" if failed else ""
                count = sum(len(one.names) for one in candidates)
                words = (
                    f"the base is {candidate.names[0]} ({candidate.commit[:12]}), the newest branch or tag of {count} "
                    f"to which the series applies{others}"
                )
                return Found(candidate.commit, words)
            failed.append(f"{candidate.names[0]} ({states[state]})")
    raise UsageError(
        f"--base auto: the series applies to none of the {len(failed)} branches and tags of {tree} that were tried",
        detail="\n".join(failed[:10]),
        hint="fetch the tree that it was made for, or name its base: --base REV",
    )


def required_patches(tree: Path, base: str, wanted: Sequence[str], runner: Runner) -> tuple[Patch, ...]:
    """The patches that a series requires on top of its base, by their patch ids, from any branch of the tree. Raises
    UsageError if one is not there."""
    everywhere = ("--branches", "--remotes", "--tags", f"^{base}")
    listed = ask_tree(tree, runner, "rev-list", "--no-merges", f"--max-count={MOST_COMMITS}", *everywhere)
    commits = listed.split()
    with borrowed(tree, runner) as git:
        asked = "".join(f"{commit}\n" for commit in commits).encode()
        diffs = git.check("diff-tree", "--stdin", "-r", "-p", stdin=asked).stdout
        listed = git.check("patch-id", "--stable", stdin=diffs).text
        known = dict(line.split() for line in listed.splitlines())
        missing = [patch_id for patch_id in wanted if patch_id not in known]
        if missing:
            raise UsageError(
                f"the series requires {counted(len(missing), 'patch')} (prerequisite-patch-id) that no branch of "
                f"{tree} has: {', '.join(one[:12] for one in missing[:3])}",
                hint="fetch the branch that has them, or name a base that does: --base REV",
                detail=f"looked for among {counted(len(commits), 'commit')} that are not in {base[:12]}",
            )
        total = len(wanted)
        return tuple(
            commit_patch(number, total, commit_diff(git, f"{commit}^", commit), commit_words(git, commit), commit)
            for number, commit in enumerate((known[patch_id] for patch_id in wanted), 1)
        )


def _candidates(tree: Path, hints: Sequence[str], runner: Runner) -> list[Candidate]:
    """All branches and tags, the newest first; before them those whose name a hint is part of."""
    form = "%(refname:short)%00%(objectname)%00%(*objectname)%00%(committerdate:unix)%00%(*committerdate:unix)"
    listed = in_tree(tree, runner, "for-each-ref", f"--format={form}", "refs/heads", "refs/remotes", "refs/tags").text
    names: dict[str, list[str]] = {}
    times: dict[str, int] = {}
    for line in listed.splitlines():
        name, direct, peeled, direct_s, peeled_s = line.split("\0")
        seconds = peeled_s or direct_s
        if seconds:  # else it is no commit: a tag of a key, a tree
            names.setdefault(peeled or direct, []).append(name)
            times[peeled or direct] = int(seconds)
    found = [Candidate(commit, tuple(named), times[commit]) for commit, named in names.items()]
    return sorted(found, key=lambda one: (not _is_hinted(one.names, hints), -one.time_s, one.names))


def _is_hinted(names: Sequence[str], hints: Sequence[str]) -> bool:
    """Whether a name is of a tree that a subject names: 5.15 or 5.15.y of v5.15.3, linux-5.15.y, stable/5.15."""
    wanted = "|".join(re.escape(hint.removesuffix(".y")) for hint in hints)
    return bool(wanted) and any(re.search(rf"(?<![\d.])(?:{wanted})(?!\d)", name) for name in names)


def _with_states(
    git: Git, candidates: Sequence[Candidate], files: Sequence[str]
) -> Iterator[tuple[Candidate, tuple[bytes, ...]]]:
    """The kernels among the candidates, with the ids of these files; empty for one that it lacks."""
    for start in range(0, len(candidates), BATCH):
        some = candidates[start : start + BATCH]
        asked = "".join(f"{one.commit}:{file}\n" for one in some for file in ("Kconfig", *files))
        form = "--batch-check=%(objecttype) %(objectname)"
        out = git.check("cat-file", form, stdin=asked.encode("utf-8", "surrogateescape")).stdout
        answers = iter(line.removeprefix(b"blob ") if line.startswith(b"blob ") else b"" for line in out.splitlines())
        for one in some:
            is_kernel, *state = (next(answers) for _ in range(1 + len(files)))
            if is_kernel:
                yield one, tuple(state)


def _why_not(git: Git, commit: str, files: Sequence[str], series: Series) -> str:
    """Why the series does not apply to these files of a commit; empty if it does."""
    index = git.directory / "index-of-a-candidate"
    index.unlink(missing_ok=True)
    entries = git.check("ls-tree", "-r", "-z", commit, "--", *files).stdout if files else b""
    git.check("update-index", "-z", "--index-info", index=index, stdin=entries)
    for patch in series.patches:
        if not patch.diff.strip():
            continue
        result = git.ask("apply", "--cached", "--whitespace=nowarn", "-", index=index, stdin=patch.diff)
        if result.status != 0:
            first = result.stderr.decode(errors="replace").partition("\n")[0].removeprefix("error: ")
            return f"{patch.subject or patch.name}: {first}"
    return ""
