# SPDX-License-Identifier: Apache-2.0
"""systemd units, the installer and the container files: held against the tools that read them, where they are here."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from agent.settings import read_settings
from collector.settings import load_settings
from deploy.lab import rootfs
from inventory_db.tables import open_ledger

ROOT = Path(__file__).parent.parent
SYSTEMD, CONTAINER = ROOT / "deploy" / "systemd", ROOT / "deploy" / "container"
SERVICES = sorted(SYSTEMD.glob("*.service"))
UNITS = [*SERVICES, *SYSTEMD.glob("*.timer")]


def run(*command: object, **more: Any) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, timeout=120, check=False, **more
    )


# ---- systemd ------------------------------------------------------------------------------------


def settings_of(unit: Path) -> dict[str, list[str]]:
    """The directives of a unit, each with its values in their order."""
    found: dict[str, list[str]] = {}
    for line in unit.read_text("utf-8").splitlines():
        if "=" in line and line[0] not in "#;[":
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


@pytest.mark.parametrize("unit", SERVICES, ids=lambda path: path.name)
def test_no_service_is_more_than_it_must_be(unit: Path) -> None:
    found = settings_of(unit)
    assert found["User"][0] in ("daicho", "daicho-agent")
    for key in ("NoNewPrivileges", "PrivateTmp", "PrivateDevices", "ProtectHome", "MemoryDenyWriteExecute"):
        assert found[key] == ["yes"], key
    assert found["ProtectSystem"] == ["strict"]
    assert found["CapabilityBoundingSet"] == ["CAP_NET_RAW" if "agent" in unit.name else ""]
    assert found["SystemCallFilter"][0] == "@system-service"
    assert found["UMask"] == ["0077"]
    assert found["StateDirectoryMode"] == ["0700"]
    assert "/opt/daicho/venv/bin/daicho " in found["ExecStart"][0]


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units as they are, with a program that exists on every machine."""
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed: nothing here reads units")
    for unit in UNITS:
        text = re.sub(r"(?m)^ExecStart=/opt/.*$", "ExecStart=/bin/true", unit.read_text("utf-8"))
        (tmp_path / unit.name).write_text(text, "utf-8")
    return tmp_path


def test_systemd_understands_the_units(units: Path) -> None:
    done = run("systemd-analyze", "verify", "--man=no", *sorted(units.iterdir()))
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", [unit.name for unit in SERVICES])
def test_systemd_finds_them_little_exposed(units: Path, name: str) -> None:
    done = run("systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager", units / name)
    assert done.returncode == 0, done.stdout[-3000:]


def test_the_packet_worker_may_give_up_what_it_has(units: Path) -> None:
    """Every call by which it drops capabilities passes the filter of its unit."""
    listed = run("systemd-analyze", "syscall-filter", env={**os.environ, "SYSTEMD_COLORS": "0"}).stdout
    groups: dict[str, set[str]] = {}
    for line in listed.splitlines():
        if line.startswith("@"):
            group = groups.setdefault(line.strip(), set())
        elif line.startswith("    ") and "#" not in line and groups:
            group.add(line.strip())

    def calls(name: str) -> set[str]:
        inner = [calls(one) if one.startswith("@") else {one} for one in groups.get(name, set())]
        return set().union(*inner)

    allowed: set[str] = set()
    for value in settings_of(SYSTEMD / "daicho-agent.service")["SystemCallFilter"]:
        named = set().union(*(calls(name) for name in value.lstrip("~").split()))
        allowed = allowed - named if value.startswith("~") else allowed | named
    assert {"capset", "prctl", "socket", "setsockopt", "sendto", "recvfrom", "execve"} <= allowed
    assert not {"setuid", "setresuid", "mount", "ptrace", "bpf", "init_module", "chown"} & allowed


WORKER = """
import asyncio, os
from agent.packet_worker import PacketWorker

def state(pid):
    wanted = ("CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs")
    lines = dict(line.split(":", 1) for line in open(f"/proc/{pid}/status") if ":" in line)
    return {key: int(lines[key], 16) for key in wanted}

async def main():
    async with await PacketWorker.start(["lo"], ["127.0.0.0/8"]) as worker:
        import json
        print(json.dumps([os.getuid(), worker.uid, state("self"), state(worker.pid)]))

asyncio.run(main())
"""
RAW = 1 << 13  # CAP_NET_RAW


def python_for_all(folder: Path) -> Path:
    """A Python that an ordinary user may run, with our code and its libraries."""
    mine = f"{sys.version_info.major}.{sys.version_info.minor}"
    for base in (Path(sys.executable).resolve(), Path(f"/usr/bin/python{mine}")):
        if (
            run("setpriv", *NOBODY, "env", base, "-c", "pass").returncode == 0
        ):  # setpriv itself may still do all
            run(base, "-m", "venv", "--without-pip", folder / "venv")
            (site,) = (folder / "venv" / "lib").glob("python*/site-packages")
            (site / "a.pth").write_text(
                "\n".join([str(ROOT), *(p for p in sys.path if "site-packages" in p)])
            )
            return folder / "venv" / "bin" / "python"
    pytest.skip("no Python here that an ordinary user may run")


@pytest.fixture
def for_all() -> Iterator[Path]:
    """A folder that every user may read; pytest's own are closed to others."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


NOBODY = ("--reuid=65534", "--regid=65534", "--clear-groups")


@pytest.mark.lab
def test_the_worker_runs_as_an_ordinary_user_with_one_ambient_capability(for_all: Path) -> None:
    (for_all / "worker.py").write_text(WORKER)
    python = python_for_all(for_all)
    only = "-all,+net_raw"
    capabilities = (
        f"--inh-caps={only}",
        f"--ambient-caps={only}",
        f"--bounding-set={only}",
        "--no-new-privs",
    )
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    done = run(
        "unshare", "--net", "setpriv", *NOBODY, *capabilities, python, for_all / "worker.py", env=environment
    )
    assert done.returncode == 0, done.stderr
    own, theirs, agent, worker = json.loads(done.stdout)
    assert (own, theirs) == (65534, 65534)
    assert agent["CapEff"] == worker["CapEff"] == worker["CapPrm"] == worker["CapBnd"] == RAW
    assert (worker["CapAmb"], worker["NoNewPrivs"]) == (0, 1), "whatever it starts has nothing"


# ---- the installer --------------------------------------------------------------------------------


def install(*arguments: str, said: str = "") -> "subprocess.CompletedProcess[str]":
    return run("bash", ROOT / "deploy" / "install.sh", *arguments, input=said)


def laid_out(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("said", ["", "n\n", "maybe\n"])
def test_without_a_yes_nothing_is_installed(tmp_path: Path, said: str) -> None:
    done = install("both", "--root", str(tmp_path), said=said)
    assert done.returncode == 1
    assert "何も変更していません" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_everything_is_named_before_it_is_done(tmp_path: Path) -> None:
    done = install("both", "--root", str(tmp_path), said="はい\n")
    assert done.returncode == 0, done.stderr
    named, _, _ = done.stderr.partition("Go ahead?")
    for path in laid_out(tmp_path):
        assert f"{tmp_path}/{path}" in named, path
    assert laid_out(tmp_path) >= {f"etc/systemd/system/{unit.name}" for unit in UNITS}
    assert (tmp_path / "etc/daicho/agent.toml").stat().st_mode & 0o777 == 0o640
    assert load_settings(tmp_path / "etc/daicho/collector.toml")
    assert read_settings(tmp_path / "etc/daicho/agent.toml")


def test_settings_that_are_there_stay(tmp_path: Path) -> None:
    (tmp_path / "etc/daicho").mkdir(parents=True)
    (tmp_path / "etc/daicho/agent.toml").write_text("ours")
    done = install("agent", "--yes", "--root", str(tmp_path))
    assert done.returncode == 0
    assert (tmp_path / "etc/daicho/agent.toml").read_text() == "ours"
    assert "そのまま" in done.stderr
    assert not [path for path in laid_out(tmp_path) if "collector" in path]


def test_the_installer_explains_itself() -> None:
    for arguments in ((), ("everything",), ("both", "--root"), ("--yes",)):
        done = install(*arguments)
        assert done.returncode == 2
        assert "usage" in done.stderr


# ---- containers -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    found = yaml.safe_load((CONTAINER / "compose.yaml").read_text("utf-8"))
    assert isinstance(found, dict)
    return found


def services(compose: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from compose["services"].items()


def test_every_container_is_hardened(compose: dict[str, Any]) -> None:
    for name, service in services(compose):
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert "privileged" not in service
        assert not [volume for volume in service.get("volumes", ()) if "docker.sock" in volume]
    assert compose["services"]["agent"]["cap_add"] == ["NET_RAW"]
    assert compose["services"]["agent"]["network_mode"] == "host"
    assert "cap_add" not in compose["services"]["collector"]


def test_only_the_proxy_is_reached_from_outside(compose: dict[str, Any]) -> None:
    assert [name for name, service in services(compose) if "ports" in service] == ["proxy"]
    assert list(compose["services"]["db"]["networks"]) == ["inside"]
    assert compose["networks"]["inside"]["internal"] is True
    address = compose["services"]["proxy"]["networks"]["front"]["ipv4_address"]
    collector = compose["services"]["collector"]["networks"]["front"]["ipv4_address"]
    settings = load_settings(CONTAINER / "collector.toml")
    assert settings.behind_proxy == (address,)
    assert settings.host == "0.0.0.0"
    assert f"proxy_pass http://{collector}:8000;" in (CONTAINER / "nginx.conf").read_text("utf-8")


def test_secrets_are_files_and_nothing_else(compose: dict[str, Any]) -> None:
    used = {secret for _, service in services(compose) for secret in service.get("secrets", ())}
    assert used == set(compose["secrets"])
    for _, service in services(compose):
        for key, value in service.get("environment", {}).items():
            assert "password" not in key.lower() or str(value).startswith("/run/secrets/"), key
    made = (CONTAINER / "make_secrets.sh").read_text("utf-8")
    for secret in compose["secrets"].values():
        assert Path(secret["file"]).name in made
    ignored = (ROOT / ".gitignore").read_text("utf-8")
    assert "/deploy/container/secrets/" in ignored
    assert "deploy/container/secrets" in (ROOT / ".dockerignore").read_text("utf-8")


def test_what_is_named_is_there(compose: dict[str, Any]) -> None:
    for _, service in services(compose):
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            if source.startswith("./"):
                assert (CONTAINER / source).is_file() or source == "./agent.toml", source
            else:
                assert source in compose["volumes"]
    build = compose["services"]["collector"]["build"]
    assert (CONTAINER / build["context"] / build["dockerfile"]).resolve().is_file()


def test_images_come_by_official_names(compose: dict[str, Any]) -> None:
    names = [service["image"].rpartition(":-")[2].rstrip("}") for _, service in services(compose)]
    names += re.findall(r"(?m)^ARG \w+_IMAGE=(\S+)", (CONTAINER / "Containerfile").read_text("utf-8"))
    for name in names:
        assert re.fullmatch(r"[a-z]+(:[\w.-]+)?", name), f"{name} names a host"


def test_the_image_takes_only_what_the_locks_name() -> None:
    text = (CONTAINER / "Containerfile").read_text("utf-8").replace("\\\n", " ")
    for step in re.findall(r"pip install [^&]*", text):
        assert "--no-deps" in step
        assert "--require-hashes" in step or step.rstrip().endswith("."), step
    final = text.rpartition("FROM ")[2]
    assert "USER 10001:10001" in final
    assert "gcc" not in final
    assert "HEALTHCHECK" in final
    assert text.count("FROM ") == 3
    for source in re.findall(r"(?m)^COPY (?!--from)(.*) \S+$", text):
        for name in source.split():
            assert (ROOT / name).exists(), name


@pytest.mark.parametrize("script", ["install.sh", "container/make_secrets.sh", "container/10-daicho.sh"])
def test_scripts_have_no_slip(script: str) -> None:
    assert run("bash", "-n", ROOT / "deploy" / script).returncode == 0


def test_secrets_are_made_once(tmp_path: Path) -> None:
    shutil.copy(CONTAINER / "make_secrets.sh", tmp_path)
    assert run("bash", tmp_path / "make_secrets.sh").returncode == 0
    made = {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}
    assert set(made) == {"db_admin_password", "db_password", "metrics_token", "pgpass"}
    assert all(len(made[name]) > 35 for name in ("db_admin_password", "db_password", "metrics_token"))
    assert made["pgpass"] == f"*:*:*:daicho:{made['db_password']}\n"
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "secrets").iterdir()} == {0o600}
    run("bash", tmp_path / "make_secrets.sh")
    assert {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()} == made


@pytest.mark.lab
def test_nginx_takes_its_configuration(tmp_path: Path) -> None:
    from datetime import UTC, datetime

    from collector.certificate import make_certificate

    root = rootfs.existing()
    if root is None:
        pytest.skip("the lab's root file system was not built: no nginx")
    pem = tmp_path / "tls.pem"
    pem.write_bytes(make_certificate(("localhost",), datetime.now(UTC)))
    text = (CONTAINER / "nginx.conf").read_text("utf-8")
    text = re.sub(r"/run/secrets/tls_(certificate|key)", "/mnt/tls.pem", text)
    (tmp_path / "nginx.conf").write_text(text)
    script = 'mount --bind "$1" "$2/mnt" && exec chroot "$2" nginx -t -c /mnt/nginx.conf'
    done = run("unshare", "--mount", "--net", "sh", "-c", script, "sh", tmp_path, root)
    assert done.returncode == 0, done.stderr
    assert "syntax is ok" in done.stderr


def test_the_nightly_backup_is_a_command_that_we_have(tmp_path: Path) -> None:
    """The line that systemd would run, with our own daicho and folders of the test."""
    line = settings_of(SYSTEMD / "daicho-backup.service")["ExecStart"][0]
    passphrase, folder = tmp_path / "passphrase", tmp_path / "backups"
    passphrase.write_text("a passphrase that is long enough for anybody\n")
    passphrase.chmod(0o600)
    folder.mkdir()
    (tmp_path / "collector.toml").write_text(
        f'ledger = "{tmp_path / "ledger.sqlite"}"\nstate_folder = "{tmp_path / "state"}"\n'
    )
    open_ledger(tmp_path / "ledger.sqlite").dispose()
    replaced = {
        "/opt/daicho/venv/bin/daicho": f"{sys.executable} -m deploy",
        "/etc/daicho/collector.toml": str(tmp_path / "collector.toml"),
        "/etc/daicho/backup.passphrase": str(passphrase),
        "/var/lib/daicho-backups": str(folder),
        "$$": "$",
        "%%": "%",
    }
    for theirs, ours in replaced.items():
        line = line.replace(theirs, ours)
    done = run("sh", "-c", line.removeprefix("/bin/sh -c 'exec ").removesuffix("'"), cwd=ROOT)
    assert done.returncode == 0, done.stderr
    (made,) = folder.iterdir()
    assert re.fullmatch(r"daicho-\d{4}-\d\d-\d\d\.backup", made.name)
