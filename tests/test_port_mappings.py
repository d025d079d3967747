# SPDX-License-Identifier: Apache-2.0
"""Ports that a host has a router open to it, and icons of login pages: heard, confirmed, and never asked for."""

import base64
import hashlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory_db.identify import identify
from probes.capture.port_mappings import mappings_of
from probes.http_answer import read_web
from probes.recognise import recognise_facts
from probes.web_page import read_page
from tests.capture_cases import CLIENT, captured, conversation
from tests.test_flows import _flow

HEAD = b'POST /ctl HTTP/1.1\r\nSOAPAction: "urn:schemas-upnp-org:service:WANIPConnection:1#AddPortMapping"\r\n\r\n'
ADD = (
    b'<u:AddPortMapping xmlns:u="urn:schemas-upnp-org:service:WANIPConnection:1"><NewRemoteHost></NewRemoteHost>'
    b"<NewExternalPort>33890</NewExternalPort><NewProtocol>TCP</NewProtocol><NewInternalPort>3389</NewInternalPort>"
    b"<NewInternalClient>192.0.2.55</NewInternalClient><NewEnabled>1</NewEnabled></u:AddPortMapping>"
)
DONE = b"HTTP/1.1 200 OK\r\n\r\n<u:AddPortMappingResponse xmlns:u=x></u:AddPortMappingResponse>"
FAULT = b"HTTP/1.1 500 Internal Server Error\r\n\r\n<s:Fault><errorCode>718</errorCode></s:Fault>"
LISTED = b"HTTP/1.1 200 OK\r\n\r\n" + ADD.replace(b"AddPortMapping", b"GetGenericPortMappingEntryResponse")
PMP = struct.pack(">BBHIHHI", 0, 130, 0, 9, 22, 2222, 3600)
PCP = (
    struct.pack(">BBBBII", 2, 129, 0, 0, 3600, 9)
    + bytes(24)
    + b"\x11\0\0\0"
    + struct.pack(">HH", 500, 1500)
    + bytes(16)
)
ICON = b"\0\0\1\0" + bytes(60)
MD5 = hashlib.md5(ICON, usedforsecurity=False).hexdigest()


@pytest.mark.parametrize(
    ("transport", "port", "asked", "said", "expected"),
    [
        ("tcp", 5000, HEAD + ADD, DONE, [("192.0.2.55", "UPnP tcp 33890 3389")]),
        ("tcp", 5000, HEAD + ADD, FAULT, []),
        ("tcp", 5000, HEAD + ADD.replace(b"192.0.2.55", b"127.0.0.1"), DONE, []),
        ("tcp", 5000, HEAD + ADD.replace(b"3389<", b"70000<"), DONE, []),
        ("tcp", 5000, b"POST /ctl HTTP/1.1\r\n\r\n", LISTED, [("192.0.2.55", "UPnP tcp 33890 3389")]),
        ("tcp", 5000, b"", LISTED.replace(b"<NewEnabled>1", b"<NewEnabled>0"), []),
        ("udp", 5351, b"\0\2", PMP, [(CLIENT, "NAT-PMP tcp 2222 22")]),
        ("udp", 5351, b"\0\2", PMP[:12] + bytes(4), []),
        ("udp", 5351, b"\2\1", PCP, [(CLIENT, "PCP udp 1500 500")]),
        ("udp", 5351, b"\2\1", PCP[:3] + b"\2" + PCP[4:], []),
        ("udp", 5353, b"\0\2", PMP, []),
    ],
)  # fmt: skip
def test_a_mapping_counts_when_the_router_confirms_it(
    transport: str, port: int, asked: bytes, said: bytes, expected: list[tuple[str, str]]
) -> None:
    found = captured(conversation(transport, 50123, port, [asked] if asked else [], [said]))
    assert [(f["address"], f["value"]) for f in found.facts() if f["kind"] == "port_mapping"] == expected


def test_a_mapping_is_a_way_in_to_the_host_that_it_leads_to() -> None:
    found = captured(conversation("tcp", 50123, 5000, [HEAD + ADD], [DONE]))
    (device,) = [one for one in identify(found.observations(), ()) if one.remote_paths]
    (path,) = device.remote_paths
    assert [one.ip for one in device.addresses] == ["192.0.2.55"]
    assert (path.kind, path.product, path.port) == ("port_mapping", "UPnP tcp", 3389)
    assert "33890/tcp" in path.evidence[0].en


@given(st.sampled_from(["tcp", "udp"]), st.binary(max_size=200), st.binary(max_size=200))
def test_hostile_mappings_raise_nothing(transport: str, asked: bytes, said: bytes) -> None:
    port = 5351 if transport == "udp" else 80
    for one in (said, PMP + said, b"HTTP/1.1 200 OK:AddPortMappingResponse" + ADD[: len(said)] + said):
        assert len(list(mappings_of(_flow(transport, (50123, port), [b"POST " + asked], [one], 0)))) < 100


def test_an_icon_is_known_by_its_bytes() -> None:
    link = b"<link rel='shortcut icon' href='data:image/x-icon;base64," + base64.b64encode(ICON) + b"'>"
    assert ("http.favicon", MD5) in {(one.kind, one.value) for one in read_page(link, "text/html", (), ())}
    head = b"HTTP/1.1 200 OK\r\nContent-Type: image/x-icon\r\nContent-Length: 64\r\n\r\n"
    assert ("http.favicon", MD5) in {(one.kind, one.value) for one in read_web(head + ICON, "http")}
    cut = {one.kind for one in read_web(head + ICON[:50], "http")}
    assert "http.favicon" not in cut


def test_nobody_is_named_by_an_icon_that_is_not_known() -> None:
    page = read_page(ICON, "image/x-icon", (), ())
    assert [one.value for one in page] == [MD5]
    assert recognise_facts(page) == ()
