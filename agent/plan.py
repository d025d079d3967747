# SPDX-License-Identifier: Apache-2.0
"""What to ask a host next, from what is known so far. Pure: least touching first, classify before asking.

A host that is not classified yet is only connected to and listened to; the questions follow when
its own words, its maker or the site say that it bears them. A fragile host is left alone.
"""

import functools
from collections.abc import Iterator
from dataclasses import dataclass

from agent.guard import Permit, rule_on
from agent.settings import Profile
from probes.all_probes import all_probes
from probes.contract import Touch

_GENTLE = (22, 443, 445, 3389, 80, 23, 5900, 8443, 8080, 135, 21, 10443)
_STANDARD = (
    *_GENTLE,
    *(139, 25, 1433, 3306, 5432, 1521, 1194, 992, 5555, 1723, 4443, 9443, 8000, 8888, 2222, 5000),
    *(631, 5938, 7070, 6783),
)
_DEEP = (
    *_STANDARD,
    *(53, 110, 111, 143, 389, 587, 636, 902, 993, 995, 1883, 2049, 2323, 3000, 3128, 4000, 5001, 5060, 5222),
    *(5601, 5901, 5985, 6000, 6379, 7000, 7443, 8008, 8009, 8042, 8081, 8210, 8400, 9000, 9090, 10000),
)
_LISTED: dict[Profile, tuple[int, ...]] = {
    "listen": (),
    "gentle": _GENTLE,
    "standard": _STANDARD,
    "deep": _DEEP,
}
_DICOM_PORTS = (104, 11112, 4242)
_VPN_CLASSES = frozenset({"gateway", "network", "server", "unknown"})
_FIRST: dict[int, str] = {5900: "vnc", 5901: "vnc", 139: "banner", 5555: "https", 992: "https"}


@dataclass(frozen=True, slots=True)
class Question:
    """One probe at one port, and why."""

    probe: str
    port: int
    why: str


@dataclass(frozen=True, slots=True)
class View:
    """What is known of a host so far, as far as the plan needs it."""

    permit: Permit
    device_class: str = "unknown"
    allowed: frozenset[str] = frozenset()
    asked: frozenset[tuple[str, int]] = frozenset()
    open_ports: frozenset[int] = frozenset()
    tls_ports: frozenset[int] = frozenset()
    no_tls_ports: frozenset[int] = frozenset()
    answered: frozenset[tuple[str, int]] = frozenset()
    has_snmp: bool = False
    ssh_port: int = 0  # of the site's login, 0 without one
    techniques: frozenset[str] = frozenset()  # that the scope file allows by name
    wants_tables: bool = False  # the site allows long tables with its credential


@functools.cache
def tcp_ports(profile: Profile) -> tuple[int, ...]:
    """Ports that a profile connects to, in order. Every probe's own first port is among the standard ones."""
    homes = (p.ports[0] for p in all_probes().values() if p.transport == "tcp" and p.ports)
    added = homes if profile in ("standard", "deep") else ()
    every = dict.fromkeys((*_LISTED[profile], *added))
    return tuple(port for port in every if rule_on("tcp", port).permit >= Permit.LISTEN)


def next_question(view: View, profile: Profile) -> Question | None:
    """Give the next question for a host, None when there is none left."""
    return next((q for q in _questions(view, profile) if (q.probe, q.port) not in view.asked), None)


def all_questions(view: View, profile: Profile) -> tuple[Question, ...]:
    """Give every question that the plan would put to such a host as things stand (for the dry run)."""
    return tuple(q for q in _questions(view, profile) if (q.probe, q.port) not in view.asked)


def _questions(view: View, profile: Profile) -> Iterator[Question]:
    if view.permit < Permit.LISTEN or profile == "listen":
        return
    if view.has_snmp:
        yield Question("snmp", 161, "the site gave a credential")
        if profile == "deep" or view.wants_tables:
            yield Question("snmp_tables", 161, "the site allows long tables")
    if "default_community" in view.allowed:
        yield Question("snmp_public", 161, "the site allows to try the community public once")
    if view.device_class == "printer" and "deep" not in view.allowed:
        return  # printers by SNMP only: what they do with any other byte is to print it
    if view.permit is Permit.SEND:
        yield Question("snmpv3", 161, "identity by one datagram")
        yield Question("nbns", 137, "names and addresses by two datagrams")
    for port in tcp_ports(profile):
        yield from _first_words(view, port)
    if view.ssh_port and (view.ssh_port in view.open_ports or view.ssh_port not in tcp_ports(profile)):
        yield Question("ssh_commands", view.ssh_port, "the site gave a login")
    if "dicom" in view.allowed:
        yield from (Question("dicom", port, "DICOM allowed by the site") for port in _DICOM_PORTS)
    if view.permit is Permit.SEND:
        for port in sorted(view.open_ports):
            yield from _second_words(view, port)
        if profile != "gentle":
            yield from _tunnels(view)


def _first_words(view: View, port: int) -> Iterator[Question]:
    tried = any(at == port and all_probes()[probe].transport == "tcp" for probe, at in view.asked)
    if tried or rule_on("tcp", port, view.allowed).permit < Permit.LISTEN:
        return
    if view.permit is Permit.SEND:
        yield Question(first_probe(port), port, "is this service there, and who is it")
    else:
        yield Question("banner", port, "listen only: the host is not classified yet")


def first_probe(port: int) -> str:
    """Name the probe that speaks first at this port; `banner` (listens only) where none is at home."""
    return _FIRST.get(port) or next(iter(_at_home(port)), "banner")


def _at_home(port: int) -> Iterator[str]:
    order = ("ssh", "https", "http", "smb", "rdp", "vnc", "oxid")
    names = [p.name for p in all_probes().values() if p.touch is Touch.ASK and p.transport == "tcp"]
    usable = [name for name in names if name not in ("tls_old", "smb1", "dicom", "smb_interfaces")]
    rank = {name: index for index, name in enumerate(order)}
    for name in sorted(usable, key=lambda n: rank.get(n, len(order))):
        if port in all_probes()[name].ports:
            yield name


def _second_words(view: View, port: int) -> Iterator[Question]:
    if rule_on("tcp", port, view.allowed).permit < Permit.SEND:
        return
    at_home = first_probe(port)
    if at_home != "banner":
        yield Question(at_home, port, "the port is open and the host bears a question")
    if port == 445 and ("smb", port) in view.answered:
        yield Question("smb1", port, "is the old SMB 1 still accepted")
        if "smb_interfaces" in view.techniques:
            yield Question("smb_interfaces", port, "the site allows to ask for its cards in a null session")
    if port in view.tls_ports:
        yield Question("tls_old", port, "are old TLS versions still accepted")
    elif port in view.no_tls_ports and at_home == "https":
        yield Question("http", port, "the port does not speak TLS")


def _tunnels(view: View) -> Iterator[Question]:
    if view.device_class not in _VPN_CLASSES:
        return
    for probe, port in (("ike", 500), ("ikev1", 500), ("openvpn", 1194), ("l2tp", 1701)):
        yield Question(probe, port, "a way in from outside")
    yield Question("dns", 53, "does it answer names, and with what")
    if ("dns", 53) in view.answered:
        yield Question("banner", 53, "it answers names by datagrams: does it take connections, too")
