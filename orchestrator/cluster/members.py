"""Which workers can take part in a run: what it needs, compared with what workers announce."""

from __future__ import annotations

import platform
from collections.abc import Mapping

from orchestrator.build.toolchain import find_toolchain
from orchestrator.cluster import placement
from orchestrator.cluster.placement import Member, Wanted, read_announcement
from orchestrator.jobs.products import Products
from orchestrator.model.machine import Host
from orchestrator.model.request import Plan
from orchestrator.plan import slots as slots_of_host
from orchestrator.version import version


def wanted(products: Products) -> Wanted:
    """What a machine needs to do a run's jobs as this one would: our version, architecture and compilers."""
    names = sorted({(variant.toolchain, variant.arch) for variant in products.plan.variants})
    compilers = tuple(
        (placement.compiler_label(*name), find_toolchain(products.context, *name).value.compiler) for name in names
    )
    return Wanted(version(), platform.machine(), compilers)


def members_for(announced: Mapping[str, str], plan: Plan, needs: Wanted) -> tuple[tuple[Member, ...], list[str]]:
    """The workers that can work for a plan, by what they announced, and why the others cannot."""
    found: list[Member] = []
    excluded: list[str] = []
    for address, text in announced.items():
        told = read_announcement(text, needs.version)
        about = told.about
        if about is None:
            excluded.append(f"{told.name or address} is orchestrate {told.version}, and this is {needs.version}")
            continue
        if why := placement.unfit(about, needs):
            excluded.append(f"{about.name} {why}")
            continue
        host = Host(about.cpus, about.memory_mib, "")
        found.append(Member(address, plan.request.jobs or slots_of_host(plan.machine, host), about))
    fit = placement.of_one_class(found, plan.request.accel)
    excluded += [f"{one.about.name} has only {one.about.accel}" for one in found if one not in fit]
    return fit, excluded
