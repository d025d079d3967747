# SPDX-License-Identifier: Apache-2.0
"""Does a segment reach the internet? One TCP connection from each to the one address that the site named; no byte is said.

Off unless scope.outside names an address. It goes through a door like all else. What answers may stand on the way, and
silence is no proof that the way is closed: the observation says what came, from which network, and nothing more.
"""

import errno
import functools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from agent.clock import Clock
from agent.door import Door
from agent.ground import Ground
from agent.guard import Permit
from agent.headway import Notebook
from agent.outside_address import OutsideAddress
from agent.pace import Pace
from agent.scope import Scope
from agent.sockets import bound_to_link
from agent.vantage import Standing, way_from
from agent.wire import LiveWire
from probes.contract import HeldBack, OurFault, Refused, Silent
from probes.facts import Fact, FactKind, Observation, Outcome, Sent, Vantage

PROBE = "outside"
WHY = "does this segment reach an address outside"
USUAL_PACKETS = 4  # SYN, ACK, FIN, ACK
MOST_PACKETS = 6  # of a server that speaks first: one more ACK, and perhaps a reset
_KEPT = "outside"  # name in the notebook
_NO_GATEWAY = "no_gateway: この網から外への既定の経路がこの機械にない / this machine has no default route by this network"
_ON_LINK = (
    "on_link: 宛先がこの機械のいる網の中にある / the address lies on a network that this machine stands on"
)
_LISTENED = "listened_only: この網は聞くだけと決められている / this network is only listened to"
_NEVER = "never_list: この網のゲートウェイは触れてはいけない一覧にある / its gateway is on the never-list"
_UNREACHABLE = (
    "unreachable: 途中のルーターが届かないと答えた / a router on the way says that it cannot be reached"
)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One segment from which the address would be tried; `why_not`: why it will not."""

    standing: Standing
    vantage: Vantage
    why_not: str


def attempts(scope: Scope, ground: Ground) -> tuple[Attempt, ...]:
    """Give the IPv4 segments that a scan of this scope stands on, each once. Pure; () where no address is named."""
    if scope.outside is None:
        return ()
    segments: dict[tuple[str, str], Attempt] = {}
    for one in ground.used:
        if one.version != 4:
            continue
        vantage = ground.vantages[ground.standings.index(one)]
        attempt = Attempt(one, vantage, _why_not(scope.outside, scope, ground, one))
        segments.setdefault((one.interface, one.network), attempt)
    return tuple(segments.values())


def _why_not(outside: OutsideAddress, scope: Scope, ground: Ground, standing: Standing) -> str:
    here = ip_network(standing.network)
    if any(here.version == quiet.version and here.overlaps(quiet) for quiet in scope.listened):
        return _LISTENED
    if any(ip_address(outside.ip) in ip_network(one.network) for one in ground.standings):
        return _ON_LINK
    if not standing.gateways:
        return _NO_GATEWAY
    shut = [gateway for gateway in standing.gateways if any(ip_address(gateway) in no for no in scope.never)]
    return _NEVER if shut else ""


@dataclass(slots=True)
class OutsideLook:
    """Tries the address from each segment, at most once in a scan, also in one that was interrupted."""

    scope: Scope
    ground: Ground
    pace: Pace
    clock: Clock
    scan: str
    write: Callable[[Sent | Observation], None]
    seen: Callable[[tuple[str, ...]], None]  # told the id of each observation as soon as it is written
    halted: Callable[[str], str]  # why a network gets nothing more (agent.watch)
    notebook: Notebook | None = None

    async def look(self) -> None:
        """Try and write down; of a segment tried before in this scan the earlier word stands, and nothing is added."""
        outside, tried = self.scope.outside, await self._tried()
        for one in attempts(self.scope, self.ground):
            if outside is not None and one.vantage.id not in tried:
                await self._segment(one, outside)

    async def _segment(self, attempt: Attempt, outside: OutsideAddress) -> None:
        outcome, reason = Outcome.HELD_BACK, attempt.why_not
        if not reason:
            outcome, reason = await self._connect(attempt, outside)
        seen = Observation(
            scan=self.scan,
            vantage=attempt.vantage.id,
            at=self.clock.now(),
            probe=PROBE,
            address=outside.ip,
            network=attempt.standing.network,
            port=outside.port,
            transport="tcp",
            outcome=outcome,
            reason=reason,
            facts=(Fact(FactKind.OPEN, "tcp"),) if outcome is Outcome.ANSWERED else (),
        )
        self.write(seen)
        self.seen((seen.id,))

    async def _connect(self, attempt: Attempt, outside: OutsideAddress) -> tuple[Outcome, str]:
        standing = attempt.standing
        self.pace.ask_from(outside.ip, standing.network)
        wire = LiveWire(self._door(attempt, outside), PROBE, WHY)
        try:
            wire.door.check("tcp", outside.port, Permit.CONNECT)
            if (await way_from(outside.ip, standing)).gateway not in standing.gateways:
                return Outcome.HELD_BACK, _NO_GATEWAY
            await self._note_try(attempt.vantage.id)
            await wire.tcp(outside.port)
        except HeldBack as held:
            return Outcome.HELD_BACK, str(held)
        except (Refused, Silent, OurFault) as error:
            return _came_of(error)
        finally:
            await wire.close()
        return Outcome.ANSWERED, ""

    def _door(self, attempt: Attempt, outside: OutsideAddress) -> Door:
        standing = attempt.standing
        return Door(
            outside.ip,
            self.scope.outward(),
            self.pace,
            self.clock,
            self.scan,
            attempt.vantage.id,
            self.write,
            permit=Permit.CONNECT,
            make=bound_to_link(standing.address, standing.interface),
            halted=functools.partial(self.halted, standing.network),
        )

    async def _note_try(self, vantage: str) -> None:
        """Write down that this segment is tried, before it is."""
        if self.notebook is not None:
            body = {"scan": self.scan, "vantages": [*await self._tried(), vantage]}
            await self.notebook.keep(_KEPT, json.dumps(body).encode())

    async def _tried(self) -> tuple[str, ...]:
        """Give the vantages tried in this very scan, also before it was interrupted."""
        body = b"" if self.notebook is None else await self.notebook.kept(_KEPT)
        return tuple(_vantages(body, self.scan))


def _vantages(body: bytes, scan: str) -> Iterator[str]:
    try:
        kept = json.loads(body or b"{}")
    except ValueError:
        return
    if isinstance(kept, dict) and kept.get("scan") == scan:
        yield from map(str, kept.get("vantages", ()))


def _came_of(error: Refused | Silent | OurFault) -> tuple[Outcome, str]:
    """Say what an end of the attempt means; our kernel had a way, so an unreachable network is a router's word."""
    if isinstance(error, Refused):
        return Outcome.REFUSED, str(error)[:300]
    if isinstance(error, Silent):
        return Outcome.SILENT, str(error)[:300]
    if getattr(error.__cause__, "errno", 0) == errno.ENETUNREACH:
        return Outcome.SILENT, _UNREACHABLE
    return Outcome.OUR_FAULT, str(error)[:300]
