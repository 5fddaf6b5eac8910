"""reproduce.sh: the run again from plain commands, without orchestrate.

It is written from what the run resolved to, not from the commands that it happened to execute: products that came from
the store are built from scratch in the script. The script finds the files of the run directory relative to itself,
because the directory moves when another run takes its place.
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from orchestrator.build.toolchain import REPRODUCIBLE, Toolchain, variables
from orchestrator.guest import qemu_argv
from orchestrator.guest.counters import WORD
from orchestrator.guest.guest import case_words
from orchestrator.guest.qemu_argv import Boot
from orchestrator.guest.vma_writes import MEMBER_AT, VmaWatch
from orchestrator.jobs.boot import GuestSpec
from orchestrator.jobs.session import case_limit_s
from orchestrator.jobs.vma_writes import PLACES
from orchestrator.model.case import Case
from orchestrator.model.kernel import Base, Role
from orchestrator.model.machine import Accel, Machine
from orchestrator.model.request import Plan, Request
from orchestrator.model.subject import Subject
from orchestrator.runs.record import BASE_PATCHES, PATCHES
from orchestrator.source.bases import ARCHIVES
from orchestrator.storage.store import write_atomically

SCRIPT = "reproduce.sh"
# Paths that the caller gives are relative to where the caller is, and the scripts change directory
CALLERS = """CDPATH=
case ${KERNEL:-} in "" | /*) ;; *) KERNEL=$PWD/$KERNEL ;; esac
case ${STALLS:-} in "" | /*) ;; *) STALLS=$PWD/$STALLS ;; esac
case ${WATCH:-} in "" | /*) ;; *) WATCH=$PWD/$WATCH ;; esac
case ${WORK:-} in "" | /*) ;; *) WORK=$PWD/$WORK ;; esac"""


def reproduce(plan: Plan, suite: Subject, base: Base, toolchain: Toolchain, spec: GuestSpec, run_dir: Path) -> None:
    """Write KERNEL/reproduce.sh, and the reproduce.sh of the run that runs those of all kernels."""
    write_script(run_dir, suite.name, script(plan, suite, base, toolchain, spec))


def write_script(run_dir: Path, name: str, text: str) -> None:
    """Write the script of a kernel, and the one of the run."""
    _write(run_dir / name / SCRIPT, text)
    scripts = sorted(path.parent.name for path in run_dir.glob(f"*/{SCRIPT}"))
    lines = ["#!/bin/sh", "# All kernels of this run, one after the other, each in its own part of $WORK.", "set -eu"]
    lines += [CALLERS, 'cd "$(dirname "$0")"', "work=${WORK:-}"]
    lines += [f'WORK="${{work:+$work/{name}}}" ./{name}/{SCRIPT}' for name in scripts]
    _write(run_dir / SCRIPT, "\n".join(lines) + "\n")


def script(plan: Plan, suite: Subject, base: Base, toolchain: Toolchain, spec: GuestSpec) -> str:
    """The script for one kernel. KERNEL=IMAGE in the environment skips the build. A kernel with mutants always skips
    it, because its source is no patch's."""
    exports = "\n".join(f"export {name}={shlex.quote(value)}" for name, value in REPRODUCIBLE)
    image = spec.machine.image
    make = shlex.join(("make", "O=build", *variables(toolchain)))
    cases = "\n".join(case_line(case, plan.request, spec.slowdown) for case in plan.cases)
    qemu = qemu_line(spec.machine, spec.accel, spec.disk) + " $plugins"
    return f"""#!/bin/sh
# What orchestrate did for {suite.name}, as plain commands. It builds in $WORK (default: a new directory below
# /tmp). KERNEL=path/of/{Path(image).name} skips the build: the one of the run itself is
#   {spec.kernel.image}
{_about_stalls(spec)}{_about_vma_writes(spec)}set -eu
{CALLERS}
{_given_kernel(suite, spec)}suite=$(cd "$(dirname "$0")" && pwd)
run=$(dirname "$suite")
guest="$suite"/guest-0
WORK=${{WORK:-$(mktemp -d /tmp/reproduce-XXXXXX)}}
PORT=${{PORT:-10022}}
mkdir -p "$WORK"

if [ -z "${{KERNEL:-}}" ]; then
  # --- the source: {base.origin}
  mkdir -p "$WORK/linux"
  cd "$WORK/linux"
  export GIT_CEILING_DIRECTORIES="$WORK"  # in a repository git would apply nothing, and say nothing
  {source_line(plan.source.tree, base.name, base.under or base.commit)}{_patches(suite, plan)}

  # --- the kernel
  {exports.replace(chr(10), chr(10) + "  ")}
  mkdir -p build
  cp "$suite/config" build/.config
  {make} olddefconfig
  {make} -j"$(nproc)" {Path(image).name} vmlinux
  KERNEL="$WORK/linux/build/{image}"
fi

# --- the guest; its console goes to $WORK/console.log
cd "$WORK"
plugins=
{_stalls(spec)}{_vma_writes(spec)}{qemu} </dev/null >console.log 2>qemu.stderr &
qemu=$!
trap 'kill $qemu 2>/dev/null || true' EXIT
printf '[127.0.0.1]:%s %s\\n' "$PORT" "$(cut -d' ' -f2- "$guest/known_hosts")" >known_hosts
in_guest() {{
  ssh -F none -p "$PORT" -i "$guest/id_ed25519" -o IdentitiesOnly=yes -o UserKnownHostsFile="$WORK/known_hosts" \\
    -o StrictHostKeyChecking=yes -o ConnectTimeout=20 -o LogLevel=ERROR root@127.0.0.1 "$@"
}}
until grep -q 'orchestrate: sshd listens' console.log; do
  kill -0 $qemu 2>/dev/null || {{ echo "the guest died, see $WORK/console.log" >&2; exit 1; }}
  sleep 0.2
done
in_guest uname -a

# --- the cases: KTAP on stdout; the exit status of each is in its sentinel line
{cases}
{written(spec.vma_writes)}echo "console: $WORK/console.log"
"""


def qemu_line(machine: Machine, accel: Accel, disk: Path | None = None) -> str:
    """QEMU's command line, with the shell's variables KERNEL, guest and PORT. Placeholders that shlex.join leaves
    unquoted are replaced by them afterwards."""
    boot = Boot(
        machine,
        accel,
        Path("@KERNEL@"),
        Path("@INITRD@"),
        machine.memory_mib,
        machine.smp,
        ("@APPEND@",),
        on_panic="none",
        disk=disk,
    )
    words = shlex.join(qemu_argv.argv(boot))
    words = words.replace("@APPEND@", """'"${APPEND:-}"'""")  # it stands within quotes
    filled = {"@KERNEL@": '"$KERNEL"', "@INITRD@": '"$guest"/initramfs.cpio', "127.0.0.1:0-": '127.0.0.1:"$PORT"-'}
    for word, value in filled.items():
        words = words.replace(word, value)
    return words


def source_line(tree: str | None, base: str, commit: str) -> str:
    """What unpacks the base here."""
    if tree:
        return f"git -C {shlex.quote(tree)} archive {shlex.quote(commit)} | tar -x"
    return f"tar -xf {ARCHIVES / base}.tar.xz --strip-components=1"


def _patches(suite: Subject, plan: Plan) -> str:
    """The lines that apply what the series requires, and what the suite's kernel has of it."""
    series, below = suite.kernel.series, plan.source.below
    required = _applying(BASE_PATCHES, len(below)) if below else ""
    return required + (_applying(PATCHES, len(series.patches)) if series else "")


def _applying(directory: str, count: int) -> str:
    """The line that applies the first patches of a directory of the run."""
    chosen = f"printf '%s\\n' \"$run\"/{directory}/*.patch | head -n {count}"
    apply = '[ ! -s "$patch" ] || git apply --whitespace=nowarn "$patch"'  # a commit may change nothing
    return f"\n  {chosen} | while read -r patch; do {apply}; done"


def _about_stalls(spec: GuestSpec) -> str:
    """The lines of the head about what let the run's CPUs stand still."""
    if spec.stalls is None:
        return ""
    return f"""# In the run, CPUs stood still now and then. STALLS=path/of/plugin.so lets them do so here, in
# a kernel that was built as that of the run; the run's own plugin is
#   {spec.stalls.plugin}
"""


def _about_vma_writes(spec: GuestSpec) -> str:
    """The lines of the head about who watched the run's writes of VMAs."""
    if spec.vma_writes is None:
        return ""
    return f"""# In the run it was watched whether VMAs are written without their lock. WATCH=path/of/plugin.so does
# so here, in a kernel that was built as that of the run; the run's own plugin is
#   {spec.vma_writes.counting.plugin}
"""


def _stalls(spec: GuestSpec) -> str:
    """What loads the plugin; copies, as no path in QEMU's options may have a comma."""
    if spec.stalls is None:
        return ""
    return f"""if [ -n "${{STALLS:-}}" ]; then
  cp "$STALLS" stalls.so
  cp "$suite"/{spec.stalls.file.name} places
  head -c $(($(wc -c <places) + {WORD})) /dev/zero >stalls
  plugins="-plugin ./stalls.so,addresses=places,counters=stalls,seed={spec.stalls.seed}"
fi
"""


def _vma_writes(spec: GuestSpec) -> str:
    """What loads the plugin that watches."""
    if spec.vma_writes is None:
        return ""
    counting = spec.vma_writes.counting
    return f"""if [ -n "${{WATCH:-}}" ]; then
  cp "$WATCH" watch.so
  cp "$suite"/{counting.file.name} writers
  cp "$suite"/{counting.layout_file.name} layout
  head -c $(($(wc -c <writers) + {WORD})) /dev/zero >writes
  plugins="$plugins -plugin ./watch.so,addresses=writers,counters=writes,layout=layout"
fi
"""


def written(watch: VmaWatch | None) -> str:
    """What tells of the writes, as guest/vma_writes.py does in a run."""
    if watch is None:
        return ""
    above = 2**MEMBER_AT
    return f"""if [ -n "${{WATCH:-}}" ]; then
  echo "writes of VMAs that were watched:$(od -An -tu8 -N{WORD} "$WORK"/writes)"
  od -An -v -tu8 -w{WORD} -j{WORD} "$WORK"/writes | paste -d' ' - "$suite"/{PLACES} |
    awk -v names={shlex.quote(" ".join(watch.members))} 'BEGIN {{ split(names, member, " ") }}
      $1 >= {above} {{ print member[int($1 / {above})] " of a VMA was written without its lock by " $2 }}'
fi
"""


def _given_kernel(suite: Subject, spec: GuestSpec) -> str:
    if suite.role is not Role.MUTATED:
        return ""
    return f"KERNEL=${{KERNEL:-{shlex.quote(os.fspath(spec.kernel.image))}}}\n"


def case_line(case: Case, request: Request, slowdown: float) -> str:
    """A case in the guest. Any token will do: nobody reads its sentinel line."""
    if case.boot:
        how = f"{case.name}: its results are in console.log where APPEND={shlex.quote(' '.join(case.boot))} is set"
        return f"echo {shlex.quote(how)}"
    duration_s = request.duration_s if request.duration_s is not None else case.duration_s
    limit_s = case_limit_s(case, duration_s, slowdown)
    words = case_words(case, duration_s=duration_s, limit_s=limit_s, seed=request.seed, slowdown=slowdown)
    return f"echo by-hand | in_guest {shlex.quote(shlex.join(words))} || echo '{case.name} ended with' $?"


def _write(path: Path, text: str) -> None:
    if not path.is_file() or path.read_bytes() != text.encode():  # each session of a kernel says it again
        write_atomically(path, text.encode())
    path.chmod(0o755)
