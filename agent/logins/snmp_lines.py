# SPDX-License-Identifier: Apache-2.0
"""An SNMP variable as a line `OID|tag|value` of a recorded walk; pure.

gufo-snmp gives values without their BER tags (RFC 2578 §7.1), and under v3 privacy nobody else sees
them: integers get the tag that the MIB defines for the columns we ask, and 2 elsewhere.
"""

from ipaddress import AddressValueError, IPv4Address

_INTEGER, _STRING, _OID, _IP, _COUNTER, _GAUGE, _TICKS, _OPAQUE, _COUNTER64 = 2, 4, 6, 64, 65, 66, 67, 68, 70
_IF = "1.3.6.1.2.1.2.2.1."
_IFX = "1.3.6.1.2.1.31.1.1.1."
_BY_COLUMN = {
    "1.3.6.1.2.1.1.3.": _TICKS,  # sysUpTime
    "1.3.6.1.2.1.1.9.1.4.": _TICKS,  # sysORUpTime
    "1.3.6.1.2.1.25.1.1.": _TICKS,  # hrSystemUptime
    _IF + "5.": _GAUGE,  # ifSpeed
    _IF + "9.": _TICKS,  # ifLastChange
    **{f"{_IF}{column}.": _COUNTER for column in range(10, 21)},  # ifInOctets … ifOutErrors
    _IF + "21.": _GAUGE,  # ifOutQLen
    **{f"{_IFX}{column}.": _COUNTER for column in range(2, 6)},  # ifInMulticastPkts …
    **{f"{_IFX}{column}.": _COUNTER64 for column in range(6, 14)},  # ifHCInOctets …
    _IFX + "15.": _GAUGE,  # ifHighSpeed
    _IFX + "19.": _TICKS,  # ifCounterDiscontinuityTime
}


def variable_line(oid: str, value: object) -> bytes | None:
    """Write one variable; None for no value. Octets that are not plain ASCII become hex, tag `4x`."""
    if isinstance(value, bytes):
        if all(0x20 <= octet < 0x7F for octet in value):
            return f"{oid}|{_STRING}|".encode() + value
        return f"{oid}|{_STRING}x|{value.hex()}".encode()
    if isinstance(value, int):
        return f"{oid}|{_integer_tag(oid)}|{int(value)}".encode()
    if isinstance(value, str):
        return f"{oid}|{_text_tag(value)}|{value}".encode("ascii", "replace")
    if isinstance(value, float):
        return f"{oid}|{_OPAQUE}|{value}".encode()
    return None


def _integer_tag(oid: str) -> int:
    return next((tag for column, tag in _BY_COLUMN.items() if oid.startswith(column)), _INTEGER)


def _text_tag(value: str) -> int:
    try:
        IPv4Address(value)
    except AddressValueError:
        return _OID
    return _IP
