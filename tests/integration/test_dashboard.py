"""The dashboard over real HTTP, and as files."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import sqlite3
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath

import pytest
import requests

from orchestrator.dashboard.names import slug
from orchestrator.dashboard.serve import listener
from orchestrator.history.database import open_database
from orchestrator.history.keep import keep
from orchestrator.history.rows import rows_of
from tests.integration.conftest import Cli
from tests.integration.dashboards import dashboard
from tests.integration.postgres import server
from tests.nights import fill
from tests.run_reports import HOSTILE, hostile_report, many

TOKEN = "0123456789abcdef0123"
KERNEL = "base.x86_64.gcc-12"


@pytest.fixture(scope="module")
def address(history: Path) -> Iterator[str]:
    with dashboard(str(history)) as made:
        yield made


def get(address: str, path: str, **headers: str) -> requests.Response:
    return requests.get(f"{address}/{path}", headers=headers, timeout=20)


def rows(address: str, path: str, section: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = get(address, path).json()["sections"][section]["rows"]
    return found


# --- what it says


def test_what_is_new_comes_first(address: str) -> None:
    page = get(address, "").text
    heads = re.findall(r"<h2[^>]*>([^<]*)</h2>", page)
    assert heads[:4] == ["Began to fail", "New kernel reports", "Pass again", "Results that are missing"]
    found = get(address, "index.json").json()["sections"]
    assert {(row["test"], row["series"]) for row in found["fails"]["rows"]} >= {("fork-fault", "")}
    assert [row["title"] for row in found["titles"]["rows"]] == ["KASAN: use-after-free in vma_start_read"]
    assert ("gup", "") in {(row["test"], row["series"]) for row in found["fixed"]["rows"]}
    assert {row["test"] for row in found["missing"]["rows"]} == {"uffd", "discard"}
    assert [row["test"] for row in found["still"]["rows"]] == ["reclaim"]
    assert [row["test"] for row in found["errors"]["rows"]] == ["thp"]
    assert {row["test"] for row in found["metrics"]["rows"]} == {"scale"}
    assert len(found["runs"]["rows"]) == 10


def test_the_moment_can_be_chosen(address: str) -> None:
    some, all_ = (rows(address, f"index.json?since={since}", "titles") for since in ("2026-08-20", "2026-08-01"))
    assert len(some) < len(all_)


def test_a_page_and_its_json_say_the_same(address: str) -> None:
    for path in (
        "trees",
        "series",
        "tests",
        "matrix",
        "titles",
        "machines",
        "known",
        "metrics",
        f"tests/{slug('gup')}",
    ):
        shown = get(address, f"{path}.html").text
        found = get(address, f"{path}.json").json()
        assert get(address, f"{path}.html", Accept="application/json").json() == found
        for one in found["sections"].values():
            for row in one["rows"][:20]:
                name = next(value for value in row.values() if isinstance(value, str) and value)
                assert name in shown or name[:16].replace("T", " ") in shown, (path, name)


def test_a_series_has_its_versions_and_a_tree_its_tips(address: str) -> None:
    versions = rows(address, f"series/{slug('vm-refcnt')}.json", "versions")
    assert {row["revision"] for row in versions} == {1, 2, 3, 4}
    tree = f"trees/{slug('git://git.example.org/mm.git mm-unstable')}.json"
    assert {row["test"] for row in rows(address, tree, "failing")} >= {"fork-fault"}
    assert len(rows(address, tree, "bases")) > 10


def test_the_matrix_shows_the_last_runs_and_what_did_not_pass(address: str) -> None:
    page = f"matrix/{slug(KERNEL)}"
    found = rows(address, f"{page}.json?runs=20", "matrix")
    assert len([name for name in found[0] if name.startswith("2026-")]) == 20
    assert found[0]["flips"] >= found[-1]["flips"]  # type: ignore[operator]
    some, all_ = (get(address, f"{page}.html?runs=20{more}").text for more in ("", "&all=1&sort=name"))
    assert ">vma-reuse<" not in some
    assert ">vma-reuse<" in all_


def test_runs_are_filtered_and_turned_over(address: str) -> None:
    first = get(address, "runs.html").text
    assert "runs.html?page=2" in first
    assert "earlier runs" not in get(address, "runs.html?page=5").text
    bad = rows(address, "runs.json?verdict=PATCH_AT_FAULT&series=*vm-refcnt", "runs")
    assert {row["verdict"] for row in bad} == {"PATCH_AT_FAULT"}
    assert {row["topic"] for row in bad} == {"vm-refcnt"}


def test_what_cannot_be_asked_is_named(address: str) -> None:
    for query in ("index.html?since=yesterday", "runs.html?page=0", "runs.html?page=x", "runs.html?verdict=MELTED",
                  f"matrix/{slug(KERNEL)}.html?runs=5000", f"matrix/{slug(KERNEL)}.html?sort=x"):  # fmt: skip
        said = get(address, query)
        assert said.status_code == 400, query
        assert "expected" in said.text
    assert get(address, f"index.html?since={'9' * 3000}").status_code == 414
    assert get(address, "index.json?since=x").json()["detail"].startswith("since: expected")


@pytest.mark.parametrize("path", ["none.html", "tests/none.html", "tests.png", "tests",
                                  "%2e%2e/etc/passwd", "tests/.html",
                                  "runs/%00.html", "matrix/x.json", ".json", "index.html/"])  # fmt: skip
def test_there_is_nothing_elsewhere(address: str, path: str) -> None:
    assert get(address, path).status_code == 404


# --- how it behaves as a server


def test_it_only_reads(address: str, history: Path) -> None:
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        assert requests.request(method, f"{address}/index.html", timeout=20).status_code == 405
    head = requests.head(f"{address}/index.html", timeout=20)
    assert (head.status_code, head.text) == (200, "")


def test_a_page_does_not_wait_for_its_header_to_be_acknowledged() -> None:
    async def accepted() -> int:
        connections: asyncio.Queue[socket.socket] = asyncio.Queue()

        class Accepted(asyncio.Protocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                connections.put_nowait(transport.get_extra_info("socket"))

        listens = listener("127.0.0.1", 0)
        async with await asyncio.get_running_loop().create_server(Accepted, sock=listens):
            with socket.create_connection(listens.getsockname()):
                return (await connections.get()).getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)

    assert asyncio.run(accepted())


def test_every_answer_has_the_headers(address: str) -> None:
    for path in ("", "tests.json", "none.html", "index.html?since=x"):
        headers = get(address, path).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert "Server" not in headers


def test_what_has_not_changed_is_not_sent_again(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    database = open_database(str(path), create=True)
    fill(database, 10)
    with dashboard(str(path)) as address:
        first = get(address, "runs.html")
        again = get(address, "runs.html", **{"If-None-Match": f'"x", W/{first.headers["ETag"]}'})
        assert (again.status_code, again.content) == (304, b"")
        assert get(address, "runs.json").headers["ETag"] != first.headers["ETag"]
        assert get(address, "runs.html?page=1").headers["ETag"] != first.headers["ETag"]
        keep(database, rows_of("new", many(10, False), location="/runs/new"))
        after = get(address, "runs.html", **{"If-None-Match": first.headers["ETag"]})
        assert after.status_code == 200
        assert "2026-11-28 10:00" in after.text


def test_a_name_that_points_here_is_refused(address: str) -> None:
    """DNS rebinding: a page of somebody else must not read us through a name of its own."""
    assert get(address, "", Host="evil.example.org").status_code == 421
    assert get(address, "", Host=f"localhost:{address.rpartition(':')[2]}").status_code == 200


def test_others_need_the_token(history: Path, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    file.chmod(0o600)
    with dashboard(str(history), "--host", "0.0.0.0", "--token-file", str(file)) as address:
        refused = get(address, "index.html")
        assert refused.status_code == 401
        assert refused.headers["WWW-Authenticate"].startswith("Basic ")
        assert "Content-Security-Policy" in refused.headers
        assert "fork-fault" not in refused.text
        assert get(address, "index.json", Authorization=f"Bearer {TOKEN}").status_code == 200
        assert requests.get(f"{address}/", auth=("me", TOKEN), timeout=20).status_code == 200
        assert requests.get(f"{address}/", auth=(TOKEN, "me"), timeout=20).status_code == 401


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--host", "0.0.0.0"], "needs a token"),
        (["--token-file", "open"], "everybody can read"),
        (["--token-file", "empty"], "no token"),
        (["--token-file", "short"], "at least 16"),
        (["--token-file", "none"], "No such file"),
        (["--token-file", "."], "directory"),
        (["--history", "none.db"], "there is no history"),
        (["--port", "99999"], "cannot listen"),
        (["--host", "192.0.2.1", "--token-file", "good"], "cannot listen"),
        (["--export", "full"], "something else"),
        (["--export", "open"], "not a directory"),
        (["--export", "loop"], "cannot be written"),
    ],
)
def test_what_is_wrong_is_named(words: list[str], said: str, cli: Cli, tmp_path: Path, history: Path) -> None:
    for name, content, mode in (
        ("open", TOKEN, 0o644),
        ("empty", "\n", 0o600),
        ("short", "abc", 0o600),
        ("good", TOKEN, 0o600),
    ):
        (tmp_path / name).write_text(content)
        (tmp_path / name).chmod(mode)
    (tmp_path / "full").mkdir()
    (tmp_path / "full/precious.txt").write_text("mine")
    (tmp_path / "loop").symlink_to("loop")
    done = cli("dashboard", *(words if "--history" in words else [*words, "--history", str(history)]))
    assert done.returncode == 2
    assert said.lower() in done.stderr.lower()
    assert "Traceback" not in done.stderr
    assert (tmp_path / "full/precious.txt").read_text() == "mine"


def test_a_history_that_goes_away_is_said(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    fill(open_database(str(path), create=True), 5)
    with dashboard(str(path)) as address:
        assert get(address, "").status_code == 200
        for file in tmp_path.glob("history.db*"):
            file.unlink()
        said = get(address, "")
        assert said.status_code == 503
        assert "cannot be read" in said.text


def test_a_history_in_postgresql_is_shown(tmp_path: Path) -> None:
    with server() as url:
        fill(open_database(url, create=True), 30)
        with dashboard(url) as address:
            for path in ("", "trees.html", "series.html", "tests.html", "matrix.html", "titles.html", "metrics.html",
                         "mutation.html", "coverage.html", "machines.html", "runs.html", "known.html",
                         f"matrix/{slug(KERNEL)}.html", f"metrics/{slug('scale faults')}.html"):  # fmt: skip
                assert get(address, path).status_code == 200, path


def test_an_empty_history_says_so(tmp_path: Path) -> None:
    open_database(str(tmp_path / "history.db"), create=True)
    with dashboard(str(tmp_path / "history.db")) as address:
        assert "no runs yet" in get(address, "").text
        for path in (
            "trees",
            "series",
            "tests",
            "matrix",
            "titles",
            "metrics",
            "mutation",
            "coverage",
            "machines",
            "runs",
        ):
            assert get(address, f"{path}.html").status_code == 200, path


# --- files


class Links(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.ids: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if name == "href"]
        self.ids += [value or "" for name, value in attrs if name == "id"]


def test_every_link_of_the_files_leads_somewhere(cli: Cli, history: Path, tmp_path: Path) -> None:
    done = cli("dashboard", "--history", str(history), "--export", "www")
    assert done.returncode == 0, done.stderr
    root = tmp_path / "www"
    pages = list(root.rglob("*.html"))
    assert done.stdout == f"{len(pages)} pages in www\n"
    assert len(pages) > 230
    for page in pages:
        links = Links(page.read_text())
        assert len(links.ids) == len(set(links.ids)), page
        for link in links.found:
            if link.startswith("#"):
                assert link[1:] in links.ids, (page, link)
            elif not link.startswith(("https://", "data:")):
                assert (page.parent / PurePosixPath(link)).is_file(), (page, link)
        assert '<form class="ask"' not in page.read_text()
        assert json.loads(page.with_suffix(".json").read_text())["title"]


def test_an_export_again_removes_what_is_no_more_and_leaves_what_has_not_changed(cli: Cli, tmp_path: Path) -> None:
    history = tmp_path / "h.db"
    fill(open_database(str(history), create=True), 20)
    words = ("dashboard", "--history", str(history), "--export", "www")
    assert cli(*words).returncode == 0
    root = tmp_path / "www"
    (root / "runs/mine.txt").write_text("mine")
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*.html")}
    assert cli(*words).returncode == 0
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*.html")} == before
    with sqlite3.connect(history) as connection:
        connection.execute("DELETE FROM run WHERE number <= 5")
    connection.close()
    assert cli(*words).returncode == 0
    assert len(list((root / "runs").glob("*.html"))) == 15
    assert (root / "runs/mine.txt").read_text() == "mine"


def test_hostile_names_become_harmless_pages(cli: Cli, tmp_path: Path) -> None:
    database = open_database(str(tmp_path / "h.db"), create=True)
    keep(database, rows_of(HOSTILE, hostile_report(f"{HOSTILE}../../x"), location=f"javascript:alert(1){HOSTILE}"))
    assert cli("dashboard", "--history", str(tmp_path / "h.db"), "--export", "www").returncode == 0
    for page in (tmp_path / "www").rglob("*.html"):
        text = page.read_text()
        assert text.count("<script>") == 1
        assert "<img" not in text
        assert not re.search(r'href="\s*javascript', text)
        assert "\x1b" not in text
    names = [path.relative_to(tmp_path / "www") for path in (tmp_path / "www").rglob("*")]
    assert all(re.fullmatch(r"[\w./-]+", str(name)) for name in names)
