# SPDX-License-Identifier: Apache-2.0
"""The house rules: who may import whom, where third parties live, how large things are, who may print."""

import ast
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("probes", "inventory_db", "agent", "collector", "deploy")
FILES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
RECOGNISE = {
    "probes.recognise",
    "probes.oui",
    "probes.fragility",
    "probes.device_class",
    "probes.mobile_routers",
    "probes.normal_version",
    "probes.remote_names",
}

# room → what it may import of other rooms (module prefixes)
ARROWS: dict[str, set[str]] = {
    "probes": set(),
    "inventory_db": {"probes.facts", *RECOGNISE},
    "agent": {"probes"},
    "collector": {"probes.facts", "probes.all_probes", *RECOGNISE, "inventory_db"},
    "deploy": {"probes", "inventory_db", "agent", "collector"},
}
# third party → the only places that may import it
HOMES: dict[str, tuple[str, ...]] = {
    "scapy": ("agent/packets/",),
    "nmap": ("agent/nmap_adapter.py",),
    "pyroute2": ("agent/vantage.py", "agent/made_source.py"),
    "netifaces": ("agent/vantage.py",),
    "gufo": ("agent/logins/",),
    "asyncssh": ("agent/logins/",),
    "httpx2": ("agent/collector_client.py",),
    "sqlalchemy": ("inventory_db/", "collector/", "deploy/"),
    "alembic": ("inventory_db/", "deploy/"),
    "fastapi": ("collector/",),
    "starlette": ("collector/",),
    "jinja2": ("collector/",),
    "markupsafe": ("collector/",),
    "uvicorn": ("collector/", "deploy/"),
    "xlsxwriter": ("collector/documents/", "deploy/bench/import_ledger.py"),
    "typer": ("deploy/",),
    "rich": ("deploy/",),
    "cryptography": ("probes/", "agent/", "collector/", "deploy/"),
    "yaml": ("probes/", "collector/", "deploy/"),
    "msgspec": ("probes/", "inventory_db/", "agent/", "collector/", "deploy/"),
    "pymanuf": ("probes/oui.py",),
    "psycopg": ("inventory_db/", "deploy/"),
    "openpyxl": ("collector/imports/", "deploy/bench/", "deploy/bench/import_ledger.py"),
    "python_calamine": ("collector/imports/",),
    "typst": ("collector/documents/", "deploy/bench/"),
    "defusedxml": ("collector/",),
    "ijson": ("collector/advisories/",),
    "univers": ("collector/",),
    "re2": ("probes/",),
    "argon2": ("inventory_db/", "collector/"),
    "pyotp": ("collector/",),
    "segno": ("collector/",),
    "webauthn": ("collector/",),
    "jwt": ("collector/",),
    "prometheus_client": ("collector/",),
    "pyrage": ("inventory_db/", "deploy/"),
    "playwright": ("deploy/bench/felt_speed.py",),
}
NOT_IN_PROBES = {"socket", "ssl", "subprocess", "asyncio", "sqlite3", "urllib", "http"}
PURE = ("agent/scope.py", "agent/guard.py", "agent/pace.py", "agent/plan.py", "inventory_db/identify.py")
NOT_PURE = {"socket", "ssl", "subprocess", "asyncio", "sqlite3", "sqlalchemy", "time", "random", "os"}
LICENCES = {"agent/packets/": "GPL-2.0-or-later", "agent/nmap_adapter.py": "GPL-3.0-or-later"}


def place(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def imports(path: Path) -> tuple[str, ...]:
    found: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{place(path)}: import by full name"
            found += [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
    return tuple(found)


@pytest.mark.parametrize("path", FILES, ids=place)
def test_imports_follow_the_arrows(path: Path) -> None:
    room = place(path).split("/", maxsplit=1)[0]
    for name in imports(path):
        other = name.split(".")[0]
        if other not in ROOMS or other == room:
            continue
        allowed = ARROWS[room]
        ok = any(name == entry or name.startswith(entry + ".") for entry in allowed)
        ok = ok or any(entry.startswith(name + ".") for entry in allowed)  # `from probes import facts`
        assert ok, f"{place(path)} imports {name}; {room} may import {sorted(allowed)}"


@pytest.mark.parametrize("path", FILES, ids=place)
def test_third_parties_live_in_their_rooms(path: Path) -> None:
    ours = {*ROOMS, *sys.stdlib_module_names}
    for name in imports(path):
        package = name.split(".")[0]
        if package in ours:
            continue
        homes = HOMES.get(package)
        assert homes is not None, f"{place(path)}: {package} has no home in this house"
        assert place(path).startswith(homes), f"{place(path)}: {package} lives in {homes}"


def test_probes_own_no_socket() -> None:
    for path in (ROOT / "probes").rglob("*.py"):
        assert not {name.split(".")[0] for name in imports(path)} & NOT_IN_PROBES, place(path)


@pytest.mark.parametrize("name", PURE)
def test_pure_rooms_touch_nothing(name: str) -> None:
    assert not {entry.split(".")[0] for entry in imports(ROOT / name)} & NOT_PURE


def test_only_probes_are_async_where_they_may_be() -> None:
    """The agent and probes are async; inventory_db and collector are sync only."""
    for room in ("inventory_db", "collector"):
        for path in (ROOT / room).rglob("*.py"):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            asynchronous = [n.name for n in ast.walk(tree) if isinstance(n, ast.AsyncFunctionDef)]
            assert not asynchronous or place(path) in ASGI, f"{place(path)}: {asynchronous}"


ASGI = {  # the server's own seam
    "collector/security.py",
    "collector/rendering.py",
    "collector/agents.py",
    "collector/back_pressure.py",
    "collector/request_log.py",
    "collector/api/declared.py",  # a dependency that reads a body behind the gate
    "collector/import_upload.py",  # the same for a form with a file
}


def functions(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


def test_sizes() -> None:
    sizes = [(place(path), *entry) for path in FILES for entry in functions(path)]
    lengths = [size for *_, size in sizes]
    assert not [entry for entry in sizes if entry[2] > 60]
    assert statistics.median(lengths) <= 8
    assert statistics.quantiles(lengths, n=10)[8] < 30
    long = [(place(path), n) for path in FILES if (n := len(path.read_text("utf-8").splitlines())) > 400]
    assert not long


def test_median_file_is_small() -> None:
    lengths = [len(path.read_text("utf-8").splitlines()) for path in FILES]
    assert statistics.median(lengths) <= 120


PROCESSES = {"agent/nmap_adapter.py", "agent/packets/__main__.py"}  # programs of their own


def test_libraries_neither_print_nor_exit() -> None:
    for path in FILES:
        if place(path).startswith("deploy/") or place(path) in PROCESSES:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                assert called not in ("print", "exit", "quit", "sys.exit", "os._exit"), place(path)


def test_nobody_swallows_everything() -> None:
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            broad = isinstance(node, ast.ExceptHandler) and (
                node.type is None or ast.unparse(node.type) in ("Exception", "BaseException")
            )
            if broad and isinstance(node, ast.ExceptHandler):
                assert not all(isinstance(n, ast.Pass | ast.Continue) for n in node.body), place(path)


def test_names_say_something() -> None:
    bad = {"utils", "util", "helpers", "helper", "manager", "base", "common", "misc"}
    assert not [place(path) for path in FILES if path.stem in bad]


@pytest.mark.parametrize("path", FILES, ids=place)
def test_first_line_is_the_licence(path: Path) -> None:
    expected = next((text for where, text in LICENCES.items() if place(path).startswith(where)), "Apache-2.0")
    text = path.read_text(encoding="utf-8")
    assert not text or text.splitlines()[0] == f"# SPDX-License-Identifier: {expected}"


def test_no_import_cycles() -> None:
    graph = {module(path): {n for n in imports(path) if n.split(".")[0] in ROOMS} for path in FILES}
    known = {name: {target for target in targets if target in graph} for name, targets in graph.items()}
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " → ".join((*trail, name))
        if name not in done:
            for target in known[name]:
                if target != name and not name.startswith(target + ".") and not target.startswith(name + "."):
                    visit(target, (*trail, name))
            done.add(name)

    for name in known:
        visit(name, ())


def module(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def test_importing_does_nothing() -> None:
    """Importing any module opens no file descriptor, starts no thread and prints nothing."""
    names = [module(path) for path in FILES if path.stem != "__main__" and "migrations/" not in place(path)]
    names = [name for name in names if not name.startswith(("agent.packets", "agent.nmap_adapter"))]
    script = (
        "import importlib, os, threading\n"
        "before = len(os.listdir('/proc/self/fd'))\n"
        f"for name in {names!r}: importlib.import_module(name)\n"
        "assert threading.active_count() == 1, threading.enumerate()\n"
        "assert len(os.listdir('/proc/self/fd')) <= before + 1, os.listdir('/proc/self/fd')\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert not run.stdout


def test_locks_name_no_index() -> None:
    for lock in (*ROOT.glob("requirements*.txt"), ROOT / "package-lock.json"):
        assert "://" not in lock.read_text("utf-8").replace("https://github.com/sponsors", ""), lock.name


RAW_SQL = {  # who may go past the rule that binds each statement to a facility (inventory_db/binding.py)
    "inventory_db/audit.py",  # its table belongs to the installation
    "inventory_db/backups/loading.py",  # backup, restore and move: rows of all facilities, as they lie there
    "inventory_db/backups/new_file.py",
    "inventory_db/backups/snapshot.py",
    "inventory_db/binding.py",
    "inventory_db/bulk.py",  # COPY; states the facility in every row
    "inventory_db/condition.py",  # asks the server for its size and our role; no table of ours
    "inventory_db/schema.py",  # says the revision in the file's header
    "inventory_db/tables.py",
    "inventory_db/retention_run.py",  # locks a table and asks for the number of its transaction
}


def test_raw_sql_stays_where_it_is() -> None:
    for room in ("inventory_db", "collector"):
        for path in (ROOT / room).rglob("*.py"):
            if "migrations" in path.parts or place(path) in RAW_SQL:
                continue
            raw = "sqlalchemy.text" in set(imports(path)) or "exec_driver_sql" in path.read_text("utf-8")
            assert not raw, f"{place(path)}: raw SQL goes past the facilities' rule"


READMES = [
    path
    for room in ("", *ROOMS)
    for path in sorted((ROOT / room).glob("**/README.md" if room else "README.md"))
]


@pytest.mark.parametrize("path", READMES, ids=place)
def test_links_of_a_readme_lead_somewhere(path: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text("utf-8"))
    assert [link for link in links if not (path.parent / link).exists()] == []
