# SPDX-License-Identifier: Apache-2.0
"""Every kind of reason has a score; what merges by itself scores higher than what is only proposed."""

import re
from pathlib import Path
from typing import Any

from inventory_db import decided, joins
from inventory_db.device import device_json
from inventory_db.identify import identify
from inventory_db.scores import SCORES, score_of, score_together
from tests.inventory_cases import VANTAGES, arp, seen


def test_every_kind_of_reason_that_we_give_has_a_score() -> None:
    text = Path(joins.__file__).read_text("utf-8")
    named = set(re.findall(r'_edge\(\s*[\w.]+,\s*[\w.]+,\s*"(\w+)"', text)) | {"virtual_address"}
    named |= {f"{key}{more}" for key in ("host_key", "tls_key") for more in ("", "_and_name")}
    named.add("smb_guid_and_name")
    assert SCORES.keys() == named | {decided.BY_PERSON, decided.KEPT_BY_PERSON}


def test_what_merges_by_itself_speaks_more_than_what_is_proposed() -> None:
    proposed = {
        "host_key",
        "host_key_and_name",
        "tls_key",
        "tls_key_and_name",
        "mac_only",
        "mac_family",
        "address_hint",
    }
    proposed.add("smb_guid_and_name")
    assert max(SCORES[key] for key in proposed) < min(
        score for key, score in SCORES.items() if key not in proposed
    )


def test_reasons_add_up_and_only_people_are_sure() -> None:
    assert score_together([]) == 0
    assert score_together(["host_key"]) == score_together(["host_key"] * 5) == 40
    assert 40 < score_together(["host_key", "tls_key"]) < score_together(["host_key", "tls_key", "mac_only"])
    assert score_together(SCORES.keys() - {decided.BY_PERSON, decided.KEPT_BY_PERSON}) == 99
    assert score_together([decided.BY_PERSON, "tls_key"]) == 100
    assert score_of("of another version") == 30


def test_the_ledger_tells_it() -> None:
    key: dict[str, Any] = {"probe": "ssh", "port": 22, "SSH_HOST_KEY": "ssh-ed25519 k"}
    one, _ = identify(
        [arp("10.1.0.5", "b8:2a:72:00:00:0a"), seen("10.1.0.5", **key), seen("10.2.0.5", **key)], VANTAGES
    )
    assert [proposal["score"] for proposal in device_json(one)["proposals"]] == [40]
