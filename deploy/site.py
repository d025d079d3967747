# SPDX-License-Identifier: Apache-2.0
"""A site's settings and written scope, from agent.toml and the command line together."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast, get_args

import msgspec

from agent.refusal import Refusal
from agent.scope import Scope, write_scope
from agent.segments import gentler, with_listening
from agent.settings import Profile, Settings, on_its_line, read_settings, settings_from


@dataclass(frozen=True, slots=True)
class Site:
    """What a scan needs to know of the site."""

    settings: Settings
    scope: Scope


def read_site(
    networks: Iterable[str],
    config: Path | None,
    *,
    exclude: str = "",
    profile: str = "",
    pace: Mapping[str, int] | None = None,
    yes_large: bool = False,
) -> Site:
    """Read and check everything; raises Refusal naming what is wrong, before anything is sent."""
    settings = read_settings(config) if config else Settings()
    changed: dict[str, Any] = msgspec.to_builtins(settings)
    changed["pace"].update({key: value for key, value in (pace or {}).items() if value})
    if profile:
        chosen: Profile = _checked_profile(profile)
        changed["profile"] = chosen
        for segment in changed[
            "segment"
        ]:  # a word on the command line asks nobody for more than the site does
            segment["profile"] = gentler(chosen, segment["profile"])
    settings = settings_from(changed, "--max-pps-host, --max-pps")
    given = [part for text in networks for part in _split(text)]
    try:
        scope = write_scope(settings.scope, given, _split(exclude), yes_large=yes_large)
    except Refusal as refusal:
        if config is None or given or exclude:  # it may be about what was given on the command line
            raise
        raise on_its_line(refusal, config.read_text("utf-8")) from refusal
    return Site(settings, with_listening(scope, settings))


def _checked_profile(profile: str) -> Profile:
    found = next((one for one in get_args(Profile) if one == profile), None)
    if found is None:
        raise Refusal(
            f"調べ方「{profile[:40]}」はありません。{'、'.join(get_args(Profile))} から選んでください。何も送信していません。",
            f"There is no profile “{profile[:40]}”. Choose one of {', '.join(get_args(Profile))}. Nothing was sent.",
        )
    return cast("Profile", found)


def _split(text: str) -> list[str]:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if len(parts) > 1000:
        raise Refusal("範囲が多すぎます（1000 まで）。", "Too many networks (1000 at most).")
    return parts
