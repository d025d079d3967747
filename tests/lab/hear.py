# SPDX-License-Identifier: Apache-2.0
"""Runs inside the agent's network: asks each place on stdin by other code than the product's own probes.

One line per place: `ip port how`, how being tcp, http, https, dns, snmp2 or snmp3 (then OIDs follow). Prints one
JSON list: what was said as text, null where nothing accepted.
"""

import asyncio
import json
import socket
import ssl
import sys
from concurrent.futures import ThreadPoolExecutor

from gufo.snmp import SnmpVersion
from gufo.snmp.aio import SnmpSession
from gufo.snmp.user import Aes128Key, Sha1Key, User

_GET = b"GET / HTTP/1.0\r\nHost: lab\r\n\r\n"
_VERSION_BIND = bytes.fromhex("0001010000010000000000000776657273696f6e0462696e640000100003")
_USER = User("daicho", auth_key=Sha1Key(b"hospital-auth-1"), priv_key=Aes128Key(b"hospital-priv-1"))


def _stream(ip: str, port: int, *, tls: bool, send: bytes) -> str:
    with socket.create_connection((ip, port), 3) as plain:
        plain.settimeout(3 if send else 0.3)
        connection = _any_tls().wrap_socket(plain) if tls else plain
        connection.sendall(send)
        heard = b""
        try:
            while len(heard) < 4000 and (chunk := connection.recv(4000)):
                heard += chunk
        except TimeoutError:
            pass  # it said what it had to say
        return heard.decode("latin-1")


def _any_tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context


def _dns(ip: str) -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ask:
        ask.settimeout(3)
        ask.sendto(_VERSION_BIND, (ip, 53))
        return ask.recv(1000).decode("latin-1")


async def _snmp(ip: str, how: str, oids: list[str]) -> str:
    if how == "snmp3":
        session = SnmpSession(addr=ip, timeout=3, version=SnmpVersion.v3, user=_USER)
    else:
        session = SnmpSession(addr=ip, timeout=3, version=SnmpVersion.v2c, community="hospital-ro")
    async with session:
        values = await session.get_many(oids)
    return "\n".join(value.decode() if isinstance(value, bytes) else str(value) for value in values.values())


def hear(line: str) -> str | None:
    """Return what one place says."""
    ip, port, how, *oids = line.split()
    try:
        if how == "dns":
            return _dns(ip)
        if how.startswith("snmp"):
            return asyncio.run(_snmp(ip, how, oids))
        return _stream(ip, int(port), tls=how == "https", send=_GET if how.startswith("http") else b"")
    except OSError:
        return None


if __name__ == "__main__":
    with ThreadPoolExecutor(8) as pool:
        print(json.dumps(list(pool.map(hear, sys.stdin))))
