# SPDX-License-Identifier: Apache-2.0
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from agent.guard import MOST_IKE, Permit, rule_on, rule_on_host
from agent.plan import View, all_questions, first_probe, next_question, tcp_ports
from agent.settings import Profile
from probes.all_probes import all_probes
from probes.fragility import Judgement, Temper

FACTS = Path(__file__).parent.parent.parent / "shared" / "domain" / "safe_scan.yaml"
PROFILES: tuple[Profile, ...] = ("listen", "gentle", "standard", "deep")
NO_PAYLOAD = (*range(9100, 9108), 515, 2575, 104, 2761, 2762, 4242, 11112, 102, 502, 1911, 4911, 20000, 44818)
NO_CONNECTION = (*range(4001, 4017), 10001, *range(2101, 2133), 771, 102, 502, 1911, 4911, 20000, 44818)


@pytest.mark.parametrize("port", NO_PAYLOAD)
def test_ports_that_never_get_a_byte(port: int) -> None:
    assert rule_on("tcp", port).permit < Permit.LISTEN
    assert rule_on("tcp", port).reason


@pytest.mark.parametrize("port", NO_CONNECTION)
def test_ports_that_never_get_a_connection(port: int) -> None:
    assert rule_on("tcp", port).permit is Permit.NOTHING


@pytest.mark.parametrize("port", [4800, 30718, 47808, 24005, 24105])
def test_datagram_ports_that_never_get_a_byte(port: int) -> None:
    assert rule_on("udp", port).permit is Permit.NOTHING


def test_the_table_holds_every_port_of_the_domain_facts() -> None:
    if not FACTS.exists():
        pytest.skip("the domain facts are not beside this checkout")
    rows = yaml.safe_load(FACTS.read_text(encoding="utf-8"))["never_send_data"]
    for row in rows:
        if "no payload" in row["rule"] or "never" in row["rule"].lower():
            for kinds, port in _ports(row["ports"]):
                assert min(rule_on(kind, port).permit for kind in kinds) < Permit.SEND, (kinds, port)


def _ports(text: str) -> list[tuple[tuple[str, ...], int]]:
    """Ports of a row such as `4001-4016, 10001, 30718/udp`; where no mark stands, either transport."""
    return [
        ((kind,) if kind else ("tcp", "udp"), port)
        for low, high, kind in re.findall(r"(\d+)(?:-(\d+))?(?:/(tcp|udp))?", text)
        for port in range(int(low), int(high or low) + 1)
    ]


def test_dicom_only_where_the_site_allows() -> None:
    assert rule_on("tcp", 104).permit is Permit.NOTHING
    assert rule_on("tcp", 104, frozenset({"dicom"})).permit is Permit.SEND


def test_what_a_host_of_each_temper_gets() -> None:
    assert rule_on_host(Judgement(Temper.FRAGILE, "medical", "x")).permit is Permit.NOTHING
    assert (
        rule_on_host(Judgement(Temper.FRAGILE, "medical", "x"), frozenset({"fragile"})).permit is Permit.SEND
    )
    assert rule_on_host(Judgement(Temper.UNKNOWN, None, "x")).permit is Permit.LISTEN
    assert rule_on_host(Judgement(Temper.ROBUST, None, "")).permit is Permit.SEND


def views() -> st.SearchStrategy[View]:
    ports = st.frozensets(st.sampled_from([22, 23, 80, 443, 445, 3389, 9100, 104, 515, 2575, 4001, 502]))
    return st.builds(
        View,
        permit=st.sampled_from(Permit),
        device_class=st.sampled_from(["unknown", "pc", "server", "printer", "medical", "network"]),
        allowed=st.frozensets(st.sampled_from(["dicom", "deep"])),
        open_ports=ports,
        tls_ports=ports,
        has_snmp=st.booleans(),
    )


# what an unclassified host is asked all the same, because the site gave a credential or named it
BY_NAME = ("snmp", "snmp_tables", "snmp_public", "ssh_commands", "dicom")


@given(views(), st.sampled_from(["listen", "gentle", "standard", "deep"]))
def test_no_plan_ever_breaks_the_guard(view: View, profile: str) -> None:
    for question in all_questions(view, profile):  # type: ignore[arg-type]
        probe = all_probes()[question.probe]
        permit = rule_on(probe.transport, question.port, view.allowed).permit
        assert permit >= (Permit.LISTEN if probe.speaks_first else Permit.SEND), question
        if view.permit is Permit.LISTEN and question.probe not in BY_NAME:
            assert question.probe == "banner"
        assert view.permit is not Permit.NOTHING


@given(views())
def test_a_plan_comes_to_its_end(view: View) -> None:
    asked: set[tuple[str, int]] = set()
    while question := next_question(_with(view, asked), "deep"):
        assert (question.probe, question.port) not in asked
        asked.add((question.probe, question.port))
        assert len(asked) < 300


def _with(view: View, asked: set[tuple[str, int]]) -> View:
    return View(
        permit=view.permit,
        device_class=view.device_class,
        allowed=view.allowed,
        asked=frozenset(asked),
        open_ports=view.open_ports,
        tls_ports=view.tls_ports,
        has_snmp=view.has_snmp,
    )


def test_no_profile_connects_where_no_byte_may_go() -> None:
    for profile in PROFILES:
        assert not [port for port in tcp_ports(profile) if rule_on("tcp", port).permit < Permit.LISTEN]


def test_a_probe_is_asked_at_home_without_another_list_to_edit() -> None:
    for probe in all_probes().values():
        if (
            probe.transport == "tcp"
            and probe.ports
            and rule_on("tcp", probe.ports[0]).permit >= Permit.LISTEN
        ):
            assert probe.ports[0] in tcp_ports("standard"), probe.name


@given(views(), st.sampled_from(["gentle", "standard", "deep"]))
def test_no_host_gets_more_than_two_ike_messages(view: View, profile: Profile) -> None:
    assert sum(1 for question in all_questions(view, profile) if question.port in (500, 4500)) <= MOST_IKE


def test_each_port_of_the_standard_profile_has_the_probe_at_home_there() -> None:
    assert first_probe(22) == "ssh"
    assert first_probe(443) == "https"
    assert first_probe(445) == "smb"
    assert first_probe(135) == "oxid"
    assert first_probe(3306) == "banner"
