# SPDX-License-Identifier: Apache-2.0
"""`--map '機器名=コンピュータ名'`: which of their columns is which of ours, as a person says."""

from collections.abc import Iterable

from agent.refusal import Refusal


def read_overrides(words: Iterable[str], known: Iterable[str]) -> dict[str, str]:
    """Read THEIRS=OURS; OURS "" leaves the column out. Raises Refusal for an unknown column of ours."""
    columns = tuple(known)
    found = {}
    for word in words:
        theirs, equals, ours = word.rpartition("=")
        if not equals or not theirs.strip():
            raise Refusal(
                f"--map「{word[:60]}」は「列名=台帳の列」の形で書いてください。例: --map '機器名=コンピュータ名'",
                f"Write --map “{word[:60]}” as THEIRS=OURS, for example --map '機器名=コンピュータ名'.",
            )
        if ours.strip() and ours.strip() not in columns:
            raise Refusal(
                f"「{ours[:40]}」という列は台帳にありません。使えるもの: {'、'.join(columns)}。",
                f"The ledger has no column “{ours[:40]}”. Columns: {', '.join(columns)}.",
            )
        found[theirs.strip()] = ours.strip()
    return found
