# SPDX-License-Identifier: Apache-2.0
"""What ships: every fix of every weakness decided on and around it, life cycles, ages, products."""

from typing import Any

import pytest

from collector.advisories.affected import Answer, Decision, decide
from collector.advisories.knowledge import Fix, Weakness
from collector.advisories.products import Product, matches
from collector.advisories.shipped import shipped_knowledge
from collector.versions import parse, scheme_names
from probes.facts import Sure
from tests.patch_cases import beside, device, fixed_rows, fortigate, product_of

ROWS = fixed_rows()
KNOWN = shipped_knowledge()


def decided(cve: str, product: str, version: str) -> Decision:
    found = [one for one in KNOWN.weaknesses if one.id == cve and product in one.products]
    taken = parse(product_of(product).scheme, version)
    assert taken is not None, version
    return decide(product_of(product).scheme, taken, found[0])


@pytest.mark.parametrize(
    ("weakness", "product", "fix"), ROWS, ids=[f"{w.id}-{p.key}-{f.branch}" for w, p, f in ROWS]
)
def test_a_fix_mends_its_branch_from_itself_on(weakness: Weakness, product: Product, fix: Fix) -> None:
    for first in fix.first:
        at = parse(product.scheme, first)
        assert at is not None, first
        wanted = Answer.AFFECTED if fix.above else Answer.SOUND
        assert decide(product.scheme, at, weakness).answer is wanted, first
        later, earlier = beside(product.scheme, first, 1), beside(product.scheme, first, -1)
        assert later is not None
        assert decide(product.scheme, later[1], weakness).answer is Answer.SOUND, later[0]
        if earlier is not None:
            answer = decide(product.scheme, earlier[1], weakness)
            assert answer.answer is Answer.AFFECTED, earlier[0]
            assert answer.fixed_in, earlier[0]


@pytest.mark.parametrize(
    ("weakness", "product", "fix"), ROWS, ids=[f"{w.id}-{p.key}-{f.branch}" for w, p, f in ROWS]
)
def test_another_branch_is_decided_by_the_range_or_not_at_all(
    weakness: Weakness, product: Product, fix: Fix
) -> None:
    del fix
    far = {
        "checkpoint": "R99.90 Take 1",
        "netscaler": "99.1-1.1",
        "ivanti": "99.1R1",
        "screenconnect": "99.1",
    }
    version = parse(product.scheme, far.get(product.scheme, "99.1.1"))
    assert version is not None
    answer = decide(product.scheme, version, weakness).answer
    assert answer is (Answer.SOUND if weakness.affected else Answer.UNKNOWN)


def test_the_starting_set_is_whole() -> None:
    assert len({one.id for one in KNOWN.weaknesses}) == 221
    assert len({weakness.id for weakness, _, _ in ROWS}) >= 36
    assert len(KNOWN.lifecycles) == 38
    keys = {product.key for product in KNOWN.products}
    assert {key for one in KNOWN.weaknesses for key in one.products} <= keys
    assert {product.scheme for product in KNOWN.products} <= set(scheme_names())
    assert {p.lifecycle for p in KNOWN.products if p.lifecycle} <= set(KNOWN.lifecycles)
    assert all(one.source and one.as_of == "2026-08-21" for one in KNOWN.weaknesses)


def test_unconfirmed_knowledge_is_marked() -> None:
    unread = [one for one in KNOWN.weaknesses if one.decidable and "not confirmed" in one.source]
    assert unread
    for one in unread:
        assert one.sure is not Sure.SURE, one.id
        assert not (one.confirmed and one.fixed_confirmed), one.id


@pytest.mark.parametrize(
    ("cve", "product", "version", "answer"),
    [
        ("CVE-2026-0300", "pan-os", "11.1.10-h25", Answer.SOUND),  # several maintenance lines of one branch
        ("CVE-2026-0300", "pan-os", "11.1.11", Answer.AFFECTED),
        ("CVE-2026-0300", "pan-os", "11.1.15", Answer.SOUND),
        ("CVE-2026-0300", "pan-os", "11.1.14-h2", Answer.AFFECTED),
        ("CVE-2026-0300", "pan-os", "9.1.19", Answer.UNKNOWN),
        ("CVE-2024-3400", "pan-os", "10.2.8-h4", Answer.UNKNOWN),  # older lines were mended by hotfixes, too
        ("CVE-2024-3400", "pan-os", "10.1.14", Answer.SOUND),
        ("CVE-2024-21762", "fortios", "7.2.11", Answer.SOUND),
        ("CVE-2024-21762", "fortios", "7.4.2", Answer.AFFECTED),
        ("CVE-2024-55591", "fortios", "7.2.0", Answer.SOUND),  # touches 7.0 only
        ("CVE-2018-13379", "fortios", "5.6.2", Answer.SOUND),  # before the affected range
        ("CVE-2026-50751", "checkpoint-gaia", "R81.20", Answer.UNKNOWN),  # the Take is not told
        ("CVE-2026-50751", "checkpoint-gaia", "R82 Take 104", Answer.SOUND),
        ("CVE-2024-24919", "checkpoint-gaia", "R81.20 Take 99", Answer.UNKNOWN),  # only words say the fix
        ("CVE-2025-22457", "ivanti-connect-secure", "9.1R18.9", Answer.AFFECTED),
        ("CVE-2024-40766", "sonicos", "SonicOS 7.0.1-R1456", Answer.UNKNOWN),
        ("CVE-2024-40766", "sonicos", "7.1.1-7040", Answer.SOUND),
        ("CVE-2025-14733", "watchguard-fireware", "12.10.3", Answer.AFFECTED),
        ("CVE-2025-14733", "watchguard-fireware", "12.5.15", Answer.SOUND),
        ("CVE-2025-5777", "netscaler", "13.1", Answer.UNKNOWN),
        ("CVE-2023-20269", "cisco-asa", "9.8(2)17", Answer.AFFECTED),
        ("CVE-2023-20269", "cisco-asa", "9.16(4)", Answer.UNKNOWN),  # the list goes on where ours is cut
    ],
)
def test_branches_lines_and_ranges(cve: str, product: str, version: str, answer: Answer) -> None:
    assert decided(cve, product, version).answer is answer


def test_a_branch_without_fix_says_so() -> None:
    decision = decided("CVE-2025-22457", "ivanti-connect-secure", "9.1R18.9")
    assert decision.no_fix
    assert decision.fixed_in == "22.7R2.6"
    assert decided("CVE-2024-21762", "fortios", "7.2.6").fixed_in == "7.2.7"
    assert decided("CVE-2026-0300", "pan-os", "11.1.6-h3").fixed_in == "11.1.6-h32"
    assert decided("CVE-2026-0300", "pan-os", "11.1.11").fixed_in == "11.1.13-h5"


def test_a_banner_without_a_model_is_never_sure() -> None:
    named = matches(fortigate("v7.4.8"), KNOWN.products)[0]
    nameless = matches(fortigate("v7.4.8", model=None), KNOWN.products)[0]
    assert (named.product.key, named.sure) == ("fortios", Sure.SURE)
    assert nameless.sure is Sure.LIKELY
    service = device(services=[(443, "tcp", "https", "SoftEther VPN Server", "4.38 Build 9760")])
    assert [one.sure for one in matches(service, KNOWN.products)] == [Sure.LIKELY]


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        ({"maker": "Palo Alto Networks", "os": "PAN-OS", "model": "PA-440"}, "pan-os"),
        ({"maker": "Cisco", "os": "Cisco ASA", "model": "ASA5555"}, "cisco-asa"),
        ({"maker": "Cisco", "os": "Cisco IOS XE"}, "cisco-ios-xe"),
        ({"maker": "Cisco", "os": "Cisco IOS"}, "cisco-ios"),
        ({"maker": "Cisco", "os": "NX-OS"}, "cisco-nxos"),
        ({"maker": "Cisco", "os": "Cisco FTD"}, "cisco-ftd"),
        ({"maker": "SonicWall", "model": "SMA 400"}, "sonicwall-sma100"),
        ({"maker": "SonicWall", "os": "SonicOS", "model": "TZ 210"}, "sonicos"),
        ({"maker": "Juniper", "os": "ScreenOS"}, "screenos"),
        ({"maker": "Yamaha", "model": "RTX830"}, "yamaha"),
        ({"maker": "NEC", "model": "IX2235"}, "nec-ix"),
        ({"os": "Windows 10 1809 / Windows Server 2019"}, "windows"),
        ({"os": "Debian"}, "debian"),
    ],
)
def test_products_are_told_apart(fields: dict[str, Any], key: str) -> None:
    found = matches(device(**fields), KNOWN.products)
    assert [one.product.key for one in found] == [key]


def test_what_is_built_on_another_system_does_not_take_its_version() -> None:
    nas = device(maker="Synology", model="DS214se", os="Linux", os_version="4.4.59")
    assert matches(nas, KNOWN.products)[0].version is None
