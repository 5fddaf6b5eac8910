"""What this machine announces as a worker."""

from __future__ import annotations

import platform
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from itertools import product
from pathlib import Path

from orchestrator.build.toolchain import find_toolchain
from orchestrator.build.toolchains import installed_toolchains
from orchestrator.cluster.placement import Announced, compiler_label, warm_name
from orchestrator.context import Context
from orchestrator.errors import OrchestrateError
from orchestrator.host import resources
from orchestrator.source import bases
from orchestrator.version import version


def announcement(context: Context, name: str, accel: str, files: str) -> Callable[[], Announced]:
    """What is asked again and again: what this machine is, which stays, and what it has, which changes."""
    compilers = []
    for toolchain, arch in product(installed_toolchains(), context.catalog.arches):
        with suppress(OrchestrateError):
            found = find_toolchain(context, toolchain, arch).value
            compilers.append((compiler_label(toolchain, arch), found.compiler))
    stays = Announced(
        version=version(),
        life=uuid.uuid4().hex,
        name=name,
        arch=platform.machine(),
        accel=accel,
        cpus=resources.cpus(),
        memory_mib=resources.available_memory_mib(),
        files=files,
        compilers=tuple(compilers),
        bases=bases.installed(),
    )
    homes, store = context.places.bases, context.places.store.root
    return lambda: replace(stays, warm=_warm(homes), kernels=_names(store / "build"))


def _warm(homes: Path) -> tuple[str, ...]:
    configs = homes.glob("*/*/*/.config")
    return tuple(sorted(warm_name(*path.parent.relative_to(homes).parts) for path in configs))


def _names(directory: Path) -> tuple[str, ...]:
    return tuple(sorted(path.name for path in directory.glob("[0-9a-f]*")))
