# SPDX-License-Identifier: Apache-2.0
"""A configuration file's bytes → a Reading. Total: whatever the bytes are, a reading comes back, with its problems."""

from dataclasses import replace

from collector.imports.configurations.captured import first_device, taken_on
from collector.imports.configurations.detect import SURE, family_of, load
from collector.imports.configurations.draft import TooMuch
from collector.imports.configurations.lines import Lines, Unreadable, decode
from collector.imports.configurations.reading import Problem, Reading

UNKNOWN = Problem(
    ja="どのメーカーの設定か分かりません。推測はしません。対応: FortiOS、Cisco IOS/IOS XE/ASA、ヤマハ RTX、NEC IX、"
    "アライドテレシス AlliedWare Plus、Junos、VyOS/EdgeOS、RouterOS、pfSense/OPNsense、PAN-OS。",
    en="It is not known whose configuration this is, and we do not guess. Known: FortiOS, Cisco IOS/IOS XE/ASA, "
    "Yamaha RTX, NEC IX, Allied Telesis AlliedWare Plus, Junos, VyOS/EdgeOS, RouterOS, pfSense/OPNsense, PAN-OS.",
)


def read_configuration(data: bytes, name: str = "") -> Reading:
    """Read a configuration; the name of the file is used for nothing but a hint at the model."""
    try:
        lines = first_device(decode(data, name))
    except Unreadable as refusal:
        return Reading(problems=(refusal.problem,))
    family, fit = family_of(lines)
    if not family:
        return Reading(problems=(UNKNOWN, *lines.problems))
    reading = _read(family, lines)
    sure = "sure" if fit >= SURE else "likely"
    return replace(reading, sure=sure, taken=taken_on(lines), problems=(*lines.problems, *reading.problems))


def _read(family: str, lines: Lines) -> Reading:
    try:
        return load(family).read(lines)
    except TooMuch:
        return Reading(
            family=family,
            problems=(
                Problem(
                    ja="設定の数が機器としてありえないほど多いため、読みませんでした。",
                    en="It has more services than any device; it was not read.",
                ),
            ),
        )
    except (ValueError, LookupError, RecursionError, ArithmeticError):
        # a defect of ours must not lose the other files of a run; what kind it was says nothing of the content
        return Reading(
            family=family,
            problems=(
                Problem(
                    ja="このファイルは読めませんでした(読み取りの不具合です)。結果には使っていません。",
                    en="This file could not be read (a defect of the reader). Nothing of it was used.",
                ),
            ),
        )
