# SPDX-License-Identifier: Apache-2.0
"""The virtual hospital comes up whole, answers as its key says, and leaves nothing behind."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy.lab import lab as labs
from deploy.lab.daemons.management import Snmpd
from deploy.lab.errors import LabBusy, LabDown, LabUnavailable, LayoutError
from deploy.lab.key import Announced, AnswerKey, KeyHost, read_key
from deploy.lab.layout import read_layout

pytestmark = [pytest.mark.lab, pytest.mark.timeout(400)]

_PORT = re.compile(r"p\d+-\d+|br-(his|modality|office|outside|maintenance)")
_HEAR = Path(__file__).with_name("hear.py")


@pytest.fixture
def key() -> AnswerKey:
    return read_key("hospital")


@pytest.fixture
def no_lab(lab_machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A state folder of its own: no lab is up here; whatever the test starts is ended."""
    del lab_machine
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    yield tmp_path
    labs.down()


def _traces(state: Path) -> list[str]:
    """Return what this machine itself shows of a lab's cables, cards, addresses, routes and mounts: never anything.

    Other things on the machine may come and go meanwhile, so only what a lab could have left is looked at.
    """
    layout = read_layout("hospital")
    cards = {nic.mac for host in layout.hosts.values() for nic in host.nics}
    networks = tuple(segment.network.rpartition(".")[0] + "." for segment in layout.segments.values())
    links = json.loads(subprocess.check_output(["ip", "-j", "addr"]))
    routes = subprocess.check_output(["ip", "route", "show", "table", "all"], text=True).splitlines()
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    found = [
        link["ifname"] for link in links if _PORT.fullmatch(link["ifname"]) or link.get("address") in cards
    ]
    found += [a["local"] for link in links for a in link["addr_info"] if a["local"].startswith(networks)]
    found += [route for route in routes if any(network in route for network in networks)]
    return found + [mount for mount in mounts if str(state) in mount]


def _processes_of(pid_namespace: str) -> set[int]:
    """Return every process in this pid namespace or in one below it that shares the lab's networks."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if os.readlink(entry / "ns/pid") == pid_namespace:
                    found.add(int(entry.name))
            except OSError:
                continue
    return found


def _namespaces(lab: labs.Lab) -> dict[str, set[int]]:
    return {
        link: _processes_of(link)
        for pid in (lab.pid, *lab.hosts.values())
        for link in [os.readlink(f"/proc/{pid}/ns/pid")]
    }


def _until(what: Callable[[], bool], seconds: float = 90) -> bool:
    deadline = time.monotonic() + seconds
    while not (done := what()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return done


def _gone(namespaces: dict[str, set[int]]) -> bool:
    return not any(_processes_of(link) for link in namespaces)


def test_up_is_quick_and_every_daemon_lives(lab: labs.Lab) -> None:
    found = labs.status()
    assert found.up
    assert found.layout == "hospital"
    assert set(found.hosts) == set(lab.layout.hosts)
    assert found.ended == ()


def test_key_and_layout_tell_of_the_same_cards(key: AnswerKey) -> None:
    layout = read_layout("hospital")
    said = {(host.id, address.mac) for host in key.hosts for address in host.addresses}
    built = {(name, nic.mac) for name, host in layout.hosts.items() for nic in host.nics}
    assert said == {pair for pair in built if pair[0] != layout.scope.agent}
    fixed = {address.mac: address.ip for host in key.hosts for address in host.addresses}
    for host in layout.hosts.values():
        for nic in host.nics:
            if nic.ip != "dhcp" and nic.mac in fixed:
                assert fixed[nic.mac] == nic.ip
    assert 25 <= len(key.visible()) <= 40


def test_every_tcp_service_of_the_key_answers_the_agent(lab: labs.Lab, key: AnswerKey) -> None:
    asked = [
        (host.addresses[0].ip, service)
        for host in key.visible()
        for service in host.services
        if service.transport == "tcp"
    ]
    heard = _hear(lab, [(ip, service.port) for ip, service in asked])
    assert [
        f"{ip}:{service.port}" for (ip, service), text in zip(asked, heard, strict=True) if text is None
    ] == []
    silent = [text for (_, service), text in zip(asked, heard, strict=True) if service.silent]
    assert silent == [""] * len(silent)


def test_no_host_has_an_open_port_that_the_key_does_not_know(lab: labs.Lab, key: AnswerKey) -> None:
    for host in key.hosts:
        listening = subprocess.check_output([*lab.nsenter(host.id), "ss", "-Hltn"], text=True)
        locals_ = [line.split()[3] for line in listening.splitlines()]
        ports = {int(text.rpartition(":")[2]) for text in locals_ if not text.startswith(("127.", "[::1]"))}
        assert ports == {service.port for service in host.services if service.transport == "tcp"}, host.id


def _question(lab: labs.Lab, host: KeyHost, said: Announced) -> str:
    """Return the line for hear.py that makes this port say what the key says it announces."""
    start = f"{host.addresses[0].ip} {said.port}"
    if said.port == 161:
        daemon = next(d for d in lab.layout.hosts[host.id].daemons if isinstance(d, Snmpd))
        oids = ["1.3.6.1.2.1.1.1.0", *(oid.strip(".") for oid in daemon.values)]
        return f"{start} {'snmp2' if daemon.community else 'snmp3'} {' '.join(oids)}"
    name = next(s.name for s in host.services if (s.port, s.transport) == (said.port, said.transport))
    return f"{start} {({'http': 'http', 'https': 'https', 'ipp': 'http', 'domain': 'dns'}).get(name, 'tcp')}"


def test_every_announced_version_is_what_the_wire_says(lab: labs.Lab, key: AnswerKey) -> None:
    asked = [(host, said) for host in key.visible() for said in host.announced if said.product != "DCMTK"]
    heard = _ask(lab, [_question(lab, host, said) for host, said in asked])
    assert len(asked) >= 35
    wrong = [
        f"{h.id} {s.port}: {t!r}" for (h, s), t in zip(asked, heard, strict=True) if s.text not in (t or "")
    ]
    assert wrong == []


def test_dicom_hosts_accept_an_association_and_name_their_toolkit(lab: labs.Lab, key: AnswerKey) -> None:
    dicom = [(h.addresses[0].ip, s.port) for h in key.visible() for s in h.services if s.name == "dicom"]
    assert len(dicom) == 4
    for ip, port in dicom:
        command = [*lab.nsenter("agent", inside=True), "echoscu", "-d", ip, str(port)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert "OFFIS_DCMTK_367" in done.stdout + done.stderr


def test_a_dual_homed_host_tells_both_its_addresses_to_who_asks_by_name(lab: labs.Lab) -> None:
    name = "".join(chr(65 + (byte >> 4)) + chr(65 + (byte & 15)) for byte in b"MED-SV01".ljust(15) + b"\0")
    query = bytes.fromhex("000200000001000000000000 20") + name.encode() + bytes.fromhex("0000200001")
    program = (
        "import socket,sys;s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM);s.settimeout(5);"
        f"s.sendto(bytes.fromhex('{query.hex()}'),('10.20.1.20',137));print(s.recv(500).hex())"
    )
    answer = bytes.fromhex(
        subprocess.check_output([*lab.nsenter("agent"), sys.executable, "-c", program], text=True)
    )
    assert bytes([10, 20, 1, 20]) in answer
    assert bytes([192, 168, 77, 20]) in answer


def test_the_arp_only_host_answers_arp_and_nothing_else(lab: labs.Lab, tmp_path: Path) -> None:
    forget = ["ip", "neigh", "flush", "to", "10.20.1.70"]  # another test may have made the agent know it
    subprocess.run([*lab.nsenter("agent"), *forget], check=True, capture_output=True)
    with lab.capture("cam-arp", tmp_path / "cam.pcap") as file:
        assert _hear(lab, [("10.20.1.70", 80)]) == [None]
    text = subprocess.run(
        ["tcpdump", "-n", "-e", "-r", str(file)], capture_output=True, text=True, check=True
    ).stdout
    assert "Reply 10.20.1.70 is-at 00:40:8c:20:01:46" in text
    assert "> 10.20.1.70.80: Flags [S]" in text
    assert "10.20.1.70.80 >" not in text


def test_the_recorder_keeps_every_byte(lab: labs.Lab) -> None:
    before = lab.recorded_bytes("label-01")
    program = "import socket;s=socket.create_connection(('10.20.3.80',9100));s.sendall(b'^XA\\0\\xff^XZ');s.shutdown(1);s.recv(1)"
    subprocess.run([*lab.nsenter("agent"), sys.executable, "-c", program], check=True)
    assert lab.recorded_bytes("label-01") == before + b"^XA\0\xff^XZ"
    assert lab.recorded_bytes("mfp-1f", 515) == b""


def test_the_routers_arp_table_knows_every_living_host(lab: labs.Lab, key: AnswerKey) -> None:
    table = subprocess.check_output([*lab.nsenter("rt-core"), "ip", "neigh"], text=True)
    remote = [
        address
        for host in key.visible()
        for address in host.addresses
        if address.network.startswith(("10.20.2", "10.20.3"))
    ]
    known = [address.ip for address in remote if f"{address.ip} dev" in table]
    assert set(known) >= {address.ip for address in remote} - {"10.20.2.1", "10.20.3.1", "10.20.3.30"}


def test_the_lab_has_no_way_out(lab: labs.Lab) -> None:
    for host in lab.hosts:
        links = json.loads(subprocess.check_output([*lab.nsenter(host), "ip", "-j", "link"]))
        kinds = {link["ifname"].rstrip("0123456789") for link in links}
        assert kinds <= {"lo", "eth", "tun"}
        assert os.readlink(f"/proc/{lab.hosts[host]}/ns/net") != os.readlink("/proc/self/ns/net")


def test_a_second_up_is_refused_while_one_is_up(lab: labs.Lab) -> None:
    with pytest.raises(LabBusy, match="already up"):
        labs.up("small")
    assert labs.running().pid == lab.pid


def test_asking_for_a_host_that_is_not_there_names_those_that_are(lab: labs.Lab) -> None:
    with pytest.raises(LabDown, match="ehr-sv01"):
        lab.nsenter("nobody")


def test_the_whole_hospital_is_up_within_a_minute_and_down_without_a_trace(no_lab: Path) -> None:
    started = time.monotonic()
    found = labs.up("hospital")
    assert time.monotonic() - started < 60
    assert _traces(no_lab) == []
    namespaces = _namespaces(found)
    assert all(namespaces.values())
    assert labs.down()
    assert _until(lambda: _gone(namespaces))
    assert _traces(no_lab) == []
    assert not labs.status().up
    assert not labs.down()
    assert list((no_lab / "daicho/lab/scratch").iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_after_a_signal_to_the_supervisor(no_lab: Path, number: signal.Signals) -> None:
    found = labs.up("small")
    namespaces = _namespaces(found)
    os.kill(found.pid, number)
    assert _until(lambda: _gone(namespaces))
    assert _traces(no_lab) == []
    assert not labs.status().up
    assert labs.up("small").pid != found.pid, "the way is free again"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_the_lab_ends_with_the_process_it_was_told_to_end_with(no_lab: Path, number: signal.Signals) -> None:
    del no_lab
    owner = subprocess.Popen(["sleep", "300"])
    found = labs.up("small", die_with=owner.pid)
    namespaces = _namespaces(found)
    owner.send_signal(number)
    owner.wait()
    assert _until(lambda: _gone(namespaces))
    assert not labs.status().up


def test_down_also_ends_programs_started_in_the_labs_networks(no_lab: Path) -> None:
    del no_lab
    found = labs.up("small")
    with subprocess.Popen([*found.nsenter("agent"), "sleep", "300"]) as visitor:
        network = os.readlink(f"/proc/{found.hosts['agent']}/ns/net")
        assert _until(lambda: os.readlink(f"/proc/{visitor.pid}/ns/net") == network)
        labs.down()
        assert visitor.wait(10) == -signal.SIGKILL


def test_without_root_one_sentence_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(LabUnavailable, match="needs root"):
        labs.up("small")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("about:", "abuot:", "abuot"),
        ("kind: recorder", "kind: recroder", "recroder"),
        ("title: 電子カルテ", "titel: 電子カルテ", "titel"),
        ("ip: 10.20.1.10}", "ip: 10.99.1.10}", "10.99.1.10"),
        ("00:0b:5d:20:01:0a", "00:15:17:20:01:fa", "00:15:17:20:01:fa"),
        ("network: 10.20.1.0/24", "network: nonsense", "his"),
        ("agent: agent", "agent: nobody", "scope.agent"),
        ("name: small", "name: [small", "small.yaml"),
    ],
)
def test_a_layout_that_makes_no_sense_is_refused_with_its_place(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    source = Path(labs.__file__).with_name("layouts") / "small.yaml"
    text = source.read_text("utf-8")
    assert old in text
    broken = tmp_path / "small.yaml"
    broken.write_text(text.replace(old, new), "utf-8")
    with pytest.raises(LayoutError) as caught:
        labs.up(broken)
    assert said in str(caught.value)
    assert "Traceback" not in str(caught.value)


def _hear(lab: labs.Lab, asked: list[tuple[str, int]]) -> list[str | None]:
    return _ask(lab, [f"{ip} {port} tcp" for ip, port in asked])


def _ask(lab: labs.Lab, lines: list[str]) -> list[str | None]:
    command = [*lab.nsenter("agent"), sys.executable, str(_HEAR)]
    done = subprocess.run(
        command, input="\n".join(lines), capture_output=True, text=True, check=True, timeout=200
    )
    answers: list[str | None] = json.loads(done.stdout)
    return answers
