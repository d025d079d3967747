# SPDX-License-Identifier: Apache-2.0
"""The made-up configurations of tests/configurations, one of each family and form, with planted secrets."""

import re
from pathlib import Path

from collector.imports.configurations.read import read_configuration
from collector.imports.configurations.reading import ANY, Reading

FOLDER = Path(__file__).parent / "configurations"
FILES = sorted(FOLDER.iterdir())
SECRET = re.compile(rb"S3cr3t-[A-Za-z0-9-]+")


def data_of(name: str) -> bytes:
    return (FOLDER / name).read_bytes()


def reading_of(name: str) -> Reading:
    return read_configuration(data_of(name), name)


def said(text: str, name: str = "") -> Reading:
    """Read a configuration written in a test."""
    return read_configuration(text.encode(), name)


def ways_in(reading: Reading) -> set[tuple[str, str, str]]:
    """Give service, interface and sources of every management service."""
    return {
        (
            one.service,
            one.interface,
            "?" if one.sources is None else "any" if one.sources == ANY else " ".join(sorted(one.sources)),
        )
        for one in reading.services
    }
