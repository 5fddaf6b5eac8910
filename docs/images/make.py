"""The pictures of docs/dashboard.md and README.md: of nights that never were (tests/nights.py), in Debian's chromium.

    .venv/bin/python docs/images/make.py

They change when the dashboard does: look at them before you commit them. Each stays below 150 KB.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from orchestrator.dashboard.names import slug  # noqa: E402
from orchestrator.history.database import open_database  # noqa: E402
from tests.integration.browser import chromium, pages  # noqa: E402
from tests.integration.dashboards import dashboard  # noqa: E402
from tests.nights import fill  # noqa: E402

MOST_BYTES = 150_000
PICTURES = (  # name, page, height, options of the browser
    ("dashboard", "", 760, {}),
    ("dashboard-dark", "", 760, {"color_scheme": "dark"}),
    ("dashboard-phone", "", 740, {"width": 360}),
    ("flake-matrix", f"matrix/{slug('base.x86_64.gcc-12')}.html?runs=30", 520, {}),
    ("metric", f"metrics/{slug('scale faults')}.html#line-1", 420, {}),
    ("mutation", "mutation.html", 520, {}),
)


def main() -> None:
    with tempfile.TemporaryDirectory() as made, chromium() as browser:
        history = Path(made) / "history.db"
        fill(open_database(str(history), create=True), 240, per_night=8)
        with dashboard(str(history)) as address, pages(browser, []) as opened:
            for name, page, height, options in PICTURES:
                size = {"width": options.pop("width", 1200), "height": height}
                shown = opened(f"{address}/{page}", viewport=size, **options)
                path = Path(__file__).with_name(f"{name}.png")
                shown.screenshot(path=path)
                assert path.stat().st_size < MOST_BYTES, f"{path} is too large"
                print(f"{path.relative_to(ROOT)}: {path.stat().st_size // 1024} KB")


if __name__ == "__main__":
    main()
