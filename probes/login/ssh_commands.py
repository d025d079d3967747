# SPDX-License-Identifier: Apache-2.0
"""SSH login with the site's credential: what `show version` and the like say of maker, model, version and serial.

Only the commands of the device's family in `device_commands` are given, and they are read as
`daicho read --commands` reads recorded ones. RFC 4252 and 4254 (the login itself belongs to the wire).
"""

from collections.abc import Iterator

from probes import command_output
from probes.command_output import Claim
from probes.contract import Malformed, Transcript, Wire
from probes.device_commands import FAMILIES
from probes.facts import Fact, FactKind, Sure, fact

PORTS = (22,)
TRANSPORT = "tcp"
SPEAKS_FIRST = True
CREDENTIAL = "ssh"

_FIELDS = {
    "maker": FactKind.MAKER,
    "model": FactKind.MODEL,
    "serial": FactKind.SERIAL,
    "os": FactKind.OS,
    "os_version": FactKind.OS_VERSION,
    "firmware_version": FactKind.FIRMWARE_VERSION,
    "name": FactKind.NAME,
}
_RANK = {Sure.SURE: 0, Sure.LIKELY: 1, Sure.GUESS: 2}
_MOST_KEY = 200  # characters


async def ask(wire: Wire, port: int) -> None:
    """Log in once and give the family's commands, one after the other."""
    session = await wire.login(CREDENTIAL, port)
    for command in FAMILIES[session.family].commands:
        await session.run(command)


def read(transcript: Transcript) -> tuple[Fact, ...]:
    """Read each command's output; raises Malformed if nobody logged in there."""
    family = next(transcript.notes("ssh.family"), "")
    if not family:
        raise Malformed("no login")
    claims = sorted(_claims(family, transcript), key=lambda claim: _RANK[claim.sure])
    best: dict[str, Claim] = {}
    for claim in claims:
        best.setdefault(claim.field, claim)
    keys = (fact(FactKind.SSH_HOST_KEY, key[:_MOST_KEY]) for key in transcript.notes("ssh.host_key") if key)
    said = (fact(_FIELDS[c.field], c.value, c.sure) for c in best.values() if c.field in _FIELDS)
    return (fact(FactKind.SERVICE, "ssh"), *keys, *(one for one in said if one.value))


def _claims(family: str, transcript: Transcript) -> Iterator[Claim]:
    for command, output in _outputs(transcript):
        yield from command_output.read(family, command, output.decode("utf-8", "replace"))


def _outputs(transcript: Transcript) -> Iterator[tuple[str, bytes]]:
    command, output = "", b""
    for line in transcript.lines:
        if line.mark == ">":
            if output:
                yield command, output
            command, output = line.data.decode("utf-8", "replace"), b""
        elif line.mark == "<":
            output += line.data
    if output:
        yield command, output
