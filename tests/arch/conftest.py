"""Kernels and guests of other architectures: `make check-arch`. A kernel of each is built once."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import BUILD_S, series_with, start  # fixtures

__all__ = ["series_with", "start"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "arch" in item.path.parts:
            item.add_marker(pytest.mark.qemu)
            item.add_marker(pytest.mark.long)
            item.add_marker(pytest.mark.timeout(2 * BUILD_S))
