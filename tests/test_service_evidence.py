# SPDX-License-Identifier: Apache-2.0
"""What a service is called stands in one of the answers shown for it, however many there are."""

from typing import Any

import pytest

from inventory_db.identify import identify
from probes.facts import Observation
from tests.inventory_cases import VANTAGES, arp, seen


def others(first: int, many: int) -> list[Observation]:
    """Other answers of the port, which name nothing."""
    return [
        seen(
            "10.1.0.5",
            minute=first + n,
            probe=f"p{first + n}",
            port=21,
            SERVICE="ftp",
            FTP_BANNER="220 ready",
        )
        for n in range(many)
    ]


@pytest.mark.parametrize("before", [0, 3])
@pytest.mark.parametrize("after", [0, 3, 4, 5, 9])
def test_the_answer_that_names_it_is_among_its_evidence(before: int, after: int) -> None:
    banner = seen("10.1.0.5", minute=20, probe="ftp", port=21, SERVICE="ftp", FTP_BANNER="220 (vsFTPd 3.0.3)")
    told = [arp("10.1.0.5", "b8:2a:72:00:00:0a"), *others(1, before), banner, *others(30, after)]
    (device,) = identify(told, VANTAGES)
    (service,) = device.services
    assert (service.product, service.version) == ("vsFTPd", "3.0.3")
    assert banner.id in service.evidence
    assert len(service.evidence) == min(5, before + 1 + after)
    latest = [one.id for one in told if one.id in service.evidence]
    assert list(service.evidence) == latest, "oldest first"
    assert told[-1].id in service.evidence


def named(*told: Observation) -> tuple[str | None, str | None, tuple[str, ...]]:
    (device,) = identify([arp("10.1.0.5", "b8:2a:72:00:00:0a"), *told], VANTAGES)
    (service,) = device.services
    return service.product, service.version, service.evidence


NMAP: dict[str, Any] = {"probe": "nmap", "port": 21, "SERVICE": "ftp"}
FTP: dict[str, Any] = {"probe": "ftp", "port": 21, "SERVICE": "ftp"}


def test_no_product_has_the_version_of_another() -> None:
    product = seen("10.1.0.5", minute=1, PRODUCT="vsftpd", **NMAP)
    for minute, expected in ((0, ("vsftpd", None)), (9, ("ProFTPD", "1.3.5"))):
        banner = seen("10.1.0.5", minute=minute, FTP_BANNER="220 ProFTPD 1.3.5 Server ready", **FTP)
        assert named(product, banner)[:2] == expected


def test_both_answers_are_shown_where_one_names_the_product_and_another_its_version() -> None:
    product = seen("10.1.0.5", minute=1, PRODUCT="proftpd", **NMAP)
    banner = seen("10.1.0.5", minute=2, FTP_BANNER="220 ProFTPD 1.3.5 Server ready", **FTP)
    *found, shown = named(product, banner, *others(3, 8))
    assert found == ["proftpd", "1.3.5"]
    assert {product.id, banner.id} < set(shown)


def test_a_program_that_the_same_question_finds_no_more_is_gone() -> None:
    def web(minute: int, server: str, **more: str) -> Observation:
        return seen(
            "10.1.0.5", minute=minute, probe="http", port=80, SERVICE="http", HTTP_SERVER=server, **more
        )

    apache, nginx = web(1, "Apache/2.4.57 (Debian)"), web(9000, "nginx")
    assert named(apache)[:2] == ("Apache httpd", "2.4.57")
    assert named(apache, nginx)[:2] == ("nginx", None)
    assert named(apache, web(9000, "Apache"))[:2] == ("Apache httpd", "2.4.57"), "it only says less"
    assert named(apache, web(9000, "-"))[:2] == ("Apache httpd", "2.4.57"), "it says nothing of that"
