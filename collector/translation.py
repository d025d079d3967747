# SPDX-License-Identifier: Apache-2.0
"""One catalogue of every sentence that people see: `locale/ja.yaml` first, `locale/en.yaml` complete."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import yaml

from collector.settings import LANGUAGES


@dataclass(frozen=True, slots=True)
class Words:
    """The catalogue in one language. Calling it with a key gives the sentence; a missing key is KeyError."""

    language: str
    sentences: Mapping[str, str]

    def __call__(self, key: str, /, **values: object) -> str:
        """Give the sentence of `key` with `{name}` parts filled in."""
        sentence = self.sentences[key]
        return sentence.format(**values) if values else sentence

    def choose(self, group: str, value: str) -> str:
        """Give the sentence of `group.value`, or the value itself where the catalogue does not know it."""
        return self.sentences.get(f"{group}.{value}", value)


@cache
def load_words(language: str) -> Words:
    """Read one language of the catalogue; raises KeyError for a language that we do not have."""
    if language not in LANGUAGES:
        raise KeyError(language)
    text = files("collector").joinpath("locale", f"{language}.yaml").read_text(encoding="utf-8")
    return Words(language, {str(key): str(value) for key, value in yaml.safe_load(text).items()})


def plain_reason(text: str, language: str) -> str:
    """Give the sentence of a reason written as `code: Japanese / English`; any other text as it is."""
    code, colon, sentences = text.partition(": ")
    ja, slash, en = sentences.rpartition(" / ")
    if not colon or not slash or not code.replace("_", "").isalnum():
        return text
    return ja if language == "ja" else en


def choose_language(asked: str, remembered: str, accepted: str, default: str) -> str:
    """Choose by `?lang=`, then the cookie, then Accept-Language (RFC 9110 §12.5.4), then the default."""
    for wish in (asked, remembered, *_accepted_languages(accepted)):
        if wish in LANGUAGES:
            return wish
    return default


def _accepted_languages(header: str) -> list[str]:
    wishes: list[tuple[float, str]] = []
    for part in header[:500].split(","):
        tag, _, parameters = part.strip().partition(";")
        wishes.append((_quality(parameters), tag.split("-")[0].lower()))
    return [tag for quality, tag in sorted(wishes, key=lambda wish: -wish[0]) if quality > 0]


def _quality(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    try:
        return float(value) if name.strip() == "q" else 1.0
    except ValueError:
        return 0.0


def describe_how(words: Words, how: str, told: bool) -> str:
    """Say in words how an address came to be known: `told` by an answer of the device, heard, or asked."""
    probe = words.choose("probe", how.removeprefix("heard "))
    if told:
        return words("how.told", probe=probe)
    return words("how.heard" if how.startswith("heard ") else "how.asked", probe=probe)
