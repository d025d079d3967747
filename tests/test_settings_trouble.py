# SPDX-License-Identifier: Apache-2.0
"""Mistakes in agent.toml are told in Japanese too."""

import pytest

from agent.refusal import Refusal
from agent.settings import settings_from


@pytest.mark.parametrize(
    ("raw", "ja"),
    [
        ({"access": [{"target": "10.0.0.1"}]}, "access[0] の中: 知らない項目 target"),
        ({"scop": {}}, "（知らない項目 scop）"),
        ({"scope": {"host": [{"address": "10.0.0.1", "allow": []}]}}, "項目 reason がありません"),
        ({"scope": {"networks": "10.0.0.0/24"}}, "scope.networks の中: 一覧 […]のはずが文字です"),
        ({"profile": "fast"}, "profile の中: 使えない値 'fast'"),
    ],
)
def test_the_mistake_is_named(raw: dict[str, object], ja: str) -> None:
    with pytest.raises(Refusal) as told:
        settings_from(raw, "agent.toml")
    assert ja in told.value.ja
    assert "agent.toml" in told.value.en
