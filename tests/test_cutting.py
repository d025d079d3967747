# SPDX-License-Identifier: Apache-2.0
"""A device that says megabytes about itself: stored once, cut with a mark, and no page or answer grows with it."""

from pathlib import Path
from typing import Any

import msgspec

from inventory_db import ledger, observations
from inventory_db.cutting import (
    MOST_DEVICE,
    MOST_FACTS,
    MOST_OBSERVATIONS,
    MOST_SAID,
    bounded_device,
    bounded_evidence,
    cut_facts,
)
from inventory_db.tables import writing
from probes.facts import MOST_VALUE, Fact, FactKind, Observation, Sure, encode
from tests.api_cases import make_site
from tests.inventory_cases import seen, upload

LEAST_CUT = 2


def facts(count: int, size: int) -> tuple[Fact, ...]:
    return tuple(Fact(FactKind.TLS_SAN, f"{n}.".ljust(size, "x"), Sure.SURE) for n in range(count))


def test_facts_are_cut_and_counted() -> None:
    honest = facts(2000, 60)
    assert cut_facts(honest) == (honest, 0)
    kept, cut = cut_facts(facts(MOST_FACTS + 5, 1))
    assert (len(kept), cut) == (MOST_FACTS, 5)
    kept, cut = cut_facts(facts(3, MOST_VALUE + 9))
    assert (cut, {len(one.value) for one in kept}) == (3, {MOST_VALUE})
    kept, cut = cut_facts(facts(1000, 4000))
    assert sum(len(one.value) for one in kept) <= MOST_SAID
    assert len(kept) + cut == 1000


def test_a_device_is_cut_only_where_it_is_too_large() -> None:
    small: dict[str, Any] = {"names": ["pc"] * 500, "id": "a" * 2000}
    assert bounded_device(small) is small
    for large in (
        {"names": ["x" * 4000] * 5000},
        {"services": [{"product": "y" * 9000}] * 900},
        {"a": "z" * 10**6},
    ):
        cut = bounded_device(large)
        assert cut["cut"] is True
        assert len(msgspec.json.encode(cut)) <= MOST_DEVICE


def test_of_evidence_the_newest_keeps_its_facts() -> None:
    one = {"observation": {"id": "a", "facts": [{"kind": "name", "value": "x" * 400_000}]}, "fields": ["os"]}
    found = bounded_evidence([one] * (MOST_OBSERVATIONS + 3))
    assert len(found) == MOST_OBSERVATIONS
    assert found[-LEAST_CUT:] == [one] * LEAST_CUT
    assert found[0]["observation"] == {"id": "a", "facts": [], "facts_cut": 1}
    assert bounded_evidence([{"observation": {"id": "b"}, "fields": []}] * 2)[0]["observation"] == {"id": "b"}


def hostile(number: int) -> Observation:
    """One answer of some 3 MB, names and banners in it."""
    names = tuple(Fact(FactKind.NAME, f"n{number}-{n}-" + "x" * 3000, Sure.SURE) for n in range(500))
    more = tuple(Fact(FactKind.BANNER, f"b{n}" + "y" * 5000, Sure.SURE) for n in range(300))
    fields: dict[str, Any] = {"port": 443, "minute": number, "mac": "00:00:5e:00:53:66"}
    plain = seen("10.20.0.66", transcript=f"< b'{number}'", **fields)
    return msgspec.structs.replace(plain, facts=plain.facts + names + more)


def test_pages_and_answers_of_a_hostile_device_are_bounded(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    said = tuple(hostile(number) for number in range(6))
    assert sum(map(len, map(encode, said))) > 15_000_000
    with writing(site.engine) as c:
        assert observations.append(c, upload(*said)).observations_new == 6
        assert observations.append(c, upload(*said)).observations_known == 6  # the same again, cut or not
        ledger.refresh(c)
    id = site.devices()["10.20.0.66"]["id"]
    answer = site.get(f"/devices/{id}")
    assert len(answer.content) < 2_500_000
    document = answer.json()
    assert all(
        one["observation"]["facts_cut"] > 0
        for one in document["evidence"]
        if one["observation"]["port"] == 443
    )
    for path in (f"/devices/{id}/observations", "/ledger?per=100", f"/devices/{id}/services"):
        assert len(site.get(path).content) < 2_500_000, path
    first = document["evidence"][-1]["observation"]["id"]
    assert site.get(f"/devices/{id}/observations/{first}").json()["transcript"].startswith("< b'")
    page = site.client.get(f"/devices/{id}")
    assert (page.status_code, len(page.content) < 1_000_000) == (200, True)
    assert len(site.client.get("/").content) < 1_000_000
