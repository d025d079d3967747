# SPDX-License-Identifier: Apache-2.0
"""Commands found by place: every file of a folder is one, and only the wanted one is loaded."""

import difflib
import importlib
import pkgutil
from types import ModuleType

from agent.refusal import Refusal


def names_in(package: ModuleType) -> list[str]:
    """The names of the commands in this folder, one file each."""
    return [info.name for info in pkgutil.iter_modules(package.__path__)]


def load_from(package: ModuleType, wanted: str, called: str) -> dict[str, ModuleType]:
    """Give the one wanted module, or all whose parts are installed; `called` is what a person types before it.

    Raises Refusal where the wanted one needs a part that is not installed.
    """
    names = names_in(package)
    chosen = [wanted] if wanted in names else names
    found = {name: _load(package, name, needed=name == wanted, called=called) for name in chosen}
    return {name: module for name, module in found.items() if module}


def check_word(word: str, names: list[str], ja: str, en: str) -> None:
    """Raise Refusal, with the nearest known one, for a word that is none of the names; options pass."""
    if not word or word.startswith("-") or word in names:
        return
    near = difflib.get_close_matches(word, names, n=1)
    meant_ja, meant_en = (f"{near[0]} のことですか。", f"Did you mean {near[0]}? ") if near else ("", "")
    raise Refusal(
        f"「{word[:40]}」という{ja}はありません。{meant_ja}使えるもの: {'、'.join(names)}。",
        f"There is no {en} “{word[:40]}”. {meant_en}{en.capitalize()}s: {', '.join(names)}.",
    )


def _load(package: ModuleType, name: str, *, needed: bool, called: str) -> ModuleType | None:
    try:
        return importlib.import_module(f"{package.__name__}.{name}")
    except ModuleNotFoundError as error:
        if not needed:
            return None
        raise Refusal(
            f"{called} {name} に要る部品（{error.name}）が入っていません。"
            "pip install 'daicho[agent,collector]' で入れてください。",
            f"A part that {called} {name} needs ({error.name}) is not installed. "
            "Install it: pip install 'daicho[agent,collector]'.",
        ) from error
