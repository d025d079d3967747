# SPDX-License-Identifier: Apache-2.0
"""What a service is called stands in one of the answers shown for it, however many there are."""

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


def test_both_answers_are_shown_where_one_names_the_product_and_another_the_version() -> None:
    product = seen("10.1.0.5", minute=1, probe="a", port=21, SERVICE="ftp", PRODUCT="Somewhat")
    version = seen("10.1.0.5", minute=2, probe="b", port=21, SERVICE="ftp", VERSION="2.0")
    (device,) = identify([arp("10.1.0.5", "b8:2a:72:00:00:0a"), product, version, *others(3, 8)], VANTAGES)
    (service,) = device.services
    assert {product.id, version.id} < set(service.evidence)
    assert len(service.evidence) == 5
