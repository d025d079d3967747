# SPDX-License-Identifier: Apache-2.0
"""Capture files, link layers, tunnels and the flow table: read as far as they go, in bounded memory."""

import gzip
import json
import struct
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.captured import read_capture
from deploy.reading import pcap as reading
from deploy.recorded import ReadProgress
from probes.capture import links, table
from probes.capture.flow import Flow
from probes.capture.gzipped import Unzipped
from probes.capture.packets import Dissector
from probes.capture.table import Table
from tests.capture_cases import (
    CLIENT,
    CLIENT_MAC,
    SERVER,
    SERVER_MAC,
    block,
    captured,
    conversation,
    ethernet,
    ip,
    pcap,
    pcapng,
    protocols,
    reader,
    tcp,
    udp,
)

SSH = conversation("tcp", 50000, 22, [b"SSH-2.0-PuTTY\r\n"], [b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"])
PACKET = ip(17, udp(1024, 9999, b"hello"))
SEEDS = Path(__file__).parent / "captures"


# Files.


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("piece", [1, 7, 1 << 20])
def test_every_form_of_file_gives_the_same_records(order: str, piece: int) -> None:
    frames = [b"first", b"", b"third of them"]
    wanted = [(1, 100.000007, frame) for frame in frames]
    for data in (pcap(frames, order=order), pcapng(frames, order=order)):
        found = reader(data, piece)
        assert [(link, round(when, 6), bytes) for link, when, bytes in found] == wanted
        assert not found.problems
    nano = list(reader(pcap(frames, order=order, nano=True), piece))
    assert [round(when, 9) for _, when, _ in nano] == [100.000000007] * 3


def test_modified_pcap_has_longer_record_heads() -> None:
    head = struct.pack("<IHHiIII", 0xA1B2CD34, 2, 4, 0, 0, 65535, 1)
    data = head + struct.pack("<IIIIIHBB", 100, 7, 3, 3, 0, 0, 0, 0) + b"abc"
    assert [frame for _, _, frame in reader(data)] == [b"abc"]


def test_simple_and_old_blocks_and_a_second_section() -> None:
    section = block("<", 0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
    interface = block("<", 1, struct.pack("<HHI", 101, 0, 4))
    simple = block("<", 3, struct.pack("<I", 9) + b"cut!after")
    old = block("<", 2, struct.pack("<HHIIII", 0, 0, 0, 1_000_000, 2, 2) + b"ok")
    unknown = block("<", 0x0BAD, b"whatever")
    later = pcapng([b"big"], order=">")
    found = list(reader(section + interface + simple + unknown + old + later))
    assert [(link, frame) for link, _, frame in found] == [(101, b"cut!"), (101, b"ok"), (1, b"big")]


@pytest.mark.parametrize("whole", [pcap(SSH), pcapng(SSH)], ids=["pcap", "pcapng"])
def test_a_file_cut_anywhere_is_read_as_far_as_it_goes(whole: bytes) -> None:
    complete = list(reader(whole))
    for size in range(len(whole)):
        found = reader(whole[:size])
        records = list(found)
        assert records == complete[: len(records)]
        assert found.problems or whole[size:].startswith(struct.pack("<I", 6)) or size > 23
        assert all(0 <= problem.at <= size for problem in found.problems)


def test_a_record_that_claims_too_much_stops_the_reading_with_its_place() -> None:
    data = pcap([b"good"]) + struct.pack("<IIII", 1, 1, 0x7FFFFFFF, 4) + b"evil"
    found = reader(data)
    assert [frame for *_, frame in found] == [b"good"]
    assert [problem.at for problem in found.problems] == [24 + 16 + 4]


@pytest.mark.parametrize(
    "data", [b"", b"\xd4", b"GIF89a..", b"\xd4\xc3\xb2\xa1\x02\0", b"\n\r\r\n\0\0\0\0aaaa"]
)
def test_what_is_no_capture_says_so(data: bytes) -> None:
    found = reader(data)
    assert list(found) == []
    assert found.problems


def test_gzip_of_several_members_and_damage() -> None:
    whole = pcap(SSH)
    first = gzip.compress(whole[:200])
    for data, broken in (
        (first + gzip.compress(whole[200:]), False),
        (first + gzip.compress(whole[200:])[:-9], True),
        (first + b"\x1f\x8b\xff no gzip", True),
    ):
        left = [data]

        def read(count: int, left: list[bytes] = left) -> bytes:
            given, left[0] = left[0][:13], left[0][13:]
            return given

        unzipped = Unzipped(read)
        got = b""
        while part := unzipped.read(100):
            assert len(part) <= 100
            got += part
        assert unzipped.broken is broken
        assert whole.startswith(got)
        assert got == whole or broken


# Links and tunnels.

_LLC = b"\xaa\xaa\x03\0\0\0"
_TAG = b"\x81\0\0\x05"


@pytest.mark.parametrize(
    ("link", "head"),
    [
        (0, b"\2\0\0\0"),
        (0, b"\0\0\0\2"),
        (1, SERVER_MAC + CLIENT_MAC + b"\x08\0"),
        (1, SERVER_MAC + CLIENT_MAC + _TAG + b"\x08\0"),
        (1, SERVER_MAC + CLIENT_MAC + b"\x88\xa8\0\x01" + _TAG + b"\x08\0"),
        (1, SERVER_MAC + CLIENT_MAC + b"\0\x30" + _LLC + b"\x08\0"),
        (1, SERVER_MAC + CLIENT_MAC + b"\x88\x64\x11\0\0\1\0\x30\0\x21"),
        (1, SERVER_MAC + CLIENT_MAC + b"\x88\x47\0\0\x10\xff\0\0\x21\xff"),
        (9, b"\xff\x03\0\x21"),
        (9, b"\x21"),
        (9, b"\x0f\0\x08\0"),
        (101, b""),
        (104, b"\x0f\0\x08\0"),
        (105, b"\x08\x01\0\0" + bytes(20) + _LLC + b"\x08\0"),
        (105, b"\x88\x03\0\0" + bytes(28) + _LLC + b"\x08\0"),
        (127, b"\0\0\x08\0\0\0\0\0\x08\x01\0\0" + bytes(20) + _LLC + b"\x08\0"),
        (113, bytes(14) + b"\x08\0"),
        (228, b""),
        (276, b"\x08\0" + bytes(18)),
        (1, ethernet(ip(47, b"\0\0\x08\0"))),
        (1, ethernet(ip(47, b"\x20\0\x65\x58\0\0\0\1" + SERVER_MAC + CLIENT_MAC + b"\x08\0"))),
        (1, ethernet(ip(4, b""))),
        (1, ethernet(ip(41, struct.pack(">IHBB", 6 << 28, 0, 4, 64) + bytes(32)))),
        (1, ethernet(ip(17, udp(1, 4789, b"\x08" + bytes(7) + SERVER_MAC + CLIENT_MAC + b"\x08\0")))),
        (1, ethernet(ip(17, udp(1, 6081, b"\0\0\x65\x58" + bytes(4) + SERVER_MAC + CLIENT_MAC + b"\x08\0")))),
        (1, ethernet(ip(17, udp(1, 2152, b"\x30\xff\0\0\0\0\0\1")))),
    ],
    ids=lambda value: str(value) if isinstance(value, int) else value[-12:].hex(),
)
def test_the_packet_is_found_behind_every_link_and_tunnel(link: int, head: bytes) -> None:
    flows = flows_of([_stretched(head, PACKET)], link)
    assert (CLIENT, 1024, SERVER, 9999) in [(f.client, f.client_port, f.server, f.server_port) for f in flows]


def flows_of(frames: Iterable[bytes], link: int = 1) -> list[Flow]:
    flows: list[Flow] = []
    known = Table(flows.append)
    dissector = Dissector(known, lambda frame, when: None)
    for frame in frames:
        dissector.take(link, 0.0, frame)
    known.finish()
    return flows


def _stretched(head: bytes, packet: bytes) -> bytes:
    """Put a packet behind a head, and make the lengths in it long enough."""
    if len(head) >= 34 and head[12:14] == b"\x08\0":
        outer = head[14:34]
        size = (len(head) - 14 + len(packet)).to_bytes(2, "big")
        body = head[34:]
        if outer[9] == 17:
            body = body[:4] + (len(body) + len(packet)).to_bytes(2, "big") + body[6:]
        head = head[:14] + outer[:2] + size + outer[4:] + body
    return head + packet


def test_ipv6_with_extensions_and_fragments() -> None:
    inner = udp(1024, 502, b"x")
    options = b"\x11\0" + bytes(6)
    whole = ip(0, options + inner, "2001:db8::1", "2001:db8::2")
    first = ip(44, b"\x11\0\0\1\0\0\0\1" + inner, "2001:db8::1", "2001:db8::3")
    later = ip(44, b"\x11\0\0\x11\0\0\0\1" + inner, "2001:db8::1", "2001:db8::4")
    flows: list[Flow] = []
    from probes.capture.packets import Dissector

    known = Table(flows.append)
    dissector = Dissector(known, lambda frame, when: None)
    for packet in (whole, first, later):
        dissector.take(1, 0.0, ethernet(packet))
    known.finish()
    assert [flow.server for flow in flows] == ["2001:db8::2", "2001:db8::3"]


# Flows.


def test_streams_are_put_in_order_and_the_opener_is_the_client() -> None:
    parts = [(1001, b"SSH-2."), (1007, b"0-client"), (1015, b"\r\n")]
    frames = [ethernet(ip(6, tcp(22, 50000, 5000, 18), SERVER, CLIENT), back=True)]
    frames += [ethernet(ip(6, tcp(50000, 22, at, 24, data))) for at, data in reversed(parts)]
    frames.append(frames[-1])  # sent twice
    (flow,) = flows_of(frames)
    assert (flow.client, flow.server_port, protocols(captured(frames))) == (CLIENT, 22, ["SSH"])
    assert flow.asked == b"SSH-2.0-client\r\n"


def test_a_hole_ends_what_is_known_of_a_stream() -> None:
    frames = SSH[:2] + [ethernet(ip(6, tcp(50000, 22, at, 24, b"a" * 10))) for at in (1001, 1011, 1031)]
    flows: list[Flow] = []
    from probes.capture.packets import Dissector

    known = Table(flows.append)
    for frame in frames:
        Dissector(known, lambda frame, when: None).take(1, 0.0, frame)
    known.finish()
    assert len(flows[0].asked) == 20


def test_memory_is_bounded_in_flows_and_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "MOST_FLOWS", 100)
    monkeypatch.setattr(table, "MOST_HELD", 20_000)
    judged: list[Flow] = []
    known = Table(judged.append)
    held = 0
    for number in range(1000):
        port = struct.pack(">HH", number + 1, 7)
        ends = bytes((192, 0, 2, 1, 192, 0, 2, 2))
        side = known.side(17, ends + port, ends[4:] + ends[:4] + port[2:] + port[:2], 0.0)
        known.datagram(side, bytes(500))
        held = max(held, known._held)
    known.finish()
    assert len(judged) == 1000
    assert len(known.sides) <= 200
    assert held <= 21_000


def test_a_long_flow_is_judged_once_and_then_only_counted() -> None:
    sent = [b"SSH-2.0-x\r\n"] + [b"y" * 1000] * 300
    found = captured(conversation("tcp", 50000, 22, sent, [b"SSH-2.0-OpenSSH_9.2\r\n"]))
    assert protocols(found) == ["SSH"]
    assert found.dissector.frames == 304


# The command.


def test_a_row_names_flows_devices_and_facts(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap.gz"
    path.write_bytes(gzip.compress(pcap(SSH)))
    with ReadProgress(1) as progress:
        (row,) = json.loads(json.dumps(list(reading.read([path], progress))))
    assert row["flows"][0] | {} == row["flows"][0]
    assert (row["flows"][0]["protocol"], row["flows"][0]["dport"], row["errors"]) == ("SSH", 22, [])
    server = next(d for d in row["devices"] if d["addresses"][0]["ip"] == SERVER)
    assert server["services"][0]["version"] == "9.2p1"
    assert [(p["kind"], p["port"]) for p in server["remote_paths"]] == [("ssh", 22)]
    assert any(f["kind"] == "ssh.banner" and f["address"] == SERVER and f["port"] == 22 for f in row["facts"])


def test_arp_names_the_card_of_a_device_with_a_banner() -> None:
    reply = b"\0\1\x08\0\6\4\0\2" + SERVER_MAC + bytes((192, 0, 2, 20)) + CLIENT_MAC + bytes((192, 0, 2, 10))
    found = captured([CLIENT_MAC + SERVER_MAC + b"\x08\6" + reply, *SSH])
    device = next(d for d in found.devices() if d.services)
    assert device.addresses[0].mac == SERVER_MAC.hex(":")


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400), st.sampled_from([0, 1, 9, 101, 105, 107, 113, 127, 192, 228, 276]))
def test_any_frame_is_survived(frame: bytes, link: int) -> None:
    found = captured([frame, PACKET, frame], link)
    assert found.dissector.frames == 3
    assert links.network(link, frame)[1] >= 0


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_any_change_of_a_capture_is_survived(data: st.DataObject) -> None:
    whole = bytearray(data.draw(st.sampled_from([pcap(SSH), pcapng(SSH)])))
    for _ in range(data.draw(st.integers(1, 8))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    found = read_capture(reader(bytes(whole)), "changed")
    assert found.dissector.frames <= len(SSH) + 40
    json.dumps([device.id for device in found.devices()])


@pytest.mark.parametrize("seed", sorted(SEEDS.glob("*")), ids=lambda path: path.name)
def test_captures_that_found_a_fault_are_read(seed: Path) -> None:
    found = read_capture(reader(seed.read_bytes()), seed.name)
    assert found.dissector.frames > 0 or found.table.sides == {}
