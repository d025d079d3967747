# SPDX-License-Identifier: Apache-2.0
"""Devices are looked for while uploads come: what comes between two questions is taken up later, never half — on both databases."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from sqlalchemy import Connection, Engine

from inventory_db import digested, jobs, ledger, observations, refreshing
from inventory_db.device import Device
from inventory_db.refreshing import find, write
from inventory_db.tables import writing
from inventory_db.uploads import State
from probes.facts import Upload, Vantage
from tests.inventory_cases import START, VANTAGES, arp, seen
from tests.inventory_engines import ledger_engine
from tests.test_refresh import bodies, of_its_own
from tests.test_refreshing import night

__all__ = ["ledger_engine"]
ROUTER = "10.1.0.9"  # with a SIM: which it is can be said only where the site's own gateway is known
FIRST = Upload(
    observations=(
        arp("10.1.0.5", "b8:2a:72:00:00:05"),
        arp(ROUTER, "00:1b:21:00:00:09"),
        seen(ROUTER, minute=1, probe="ssdp", transport="heard", mac="00:1b:21:00:00:09",
             SSDP_SERVICE="urn:schemas-upnp-org:device:InternetGatewayDevice:1", MODEL="4G LTE Router"),
    ),
    vantages=VANTAGES,
)  # fmt: skip


def one_more(minute: int, *, gateways: bool = False) -> Upload:
    stood: tuple[Vantage, ...] = VANTAGES
    if gateways:
        stood = tuple(msgspec.structs.replace(one, gateways=("10.1.0.1",)) for one in VANTAGES)
    return Upload(
        observations=(seen("10.1.0.5", minute=minute, port=80, SERVICE="http", HTTP_TITLE=f"x{minute}"),),
        vantages=stood,
    )


def add(engine: Engine, upload: Upload) -> None:
    with writing(engine) as connection:
        observations.append(connection, upload)


def paths(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        found = [msgspec.json.decode(body, type=Device) for body in bodies(connection).values()]
    return [path.kind for device in found for path in device.remote_paths]


@pytest.mark.parametrize("under_lock", [False, True])
@pytest.mark.parametrize("nth", [1, 2, 3, 4])
def test_what_stands_elsewhere_now_counts_for_every_device(
    ledger_engine: Engine, monkeypatch: pytest.MonkeyPatch, nth: int, under_lock: bool
) -> None:
    """An upload tells of the gateways just after the places that we stood at were read, the first time or a later one."""
    under_lock = under_lock and ledger_engine.dialect.name == "postgresql"  # else uploads wait for it
    engine = of_its_own(ledger_engine)
    add(engine, FIRST)
    with writing(engine) as connection:
        ledger.refresh(connection)
    assert paths(engine) == []
    add(engine, one_more(2))
    calls: list[int] = []

    def and_then(read: Callable[[Connection], Any]) -> Callable[[Connection], Any]:
        def reading(connection: Connection) -> Any:
            found = read(connection)
            calls.append(1)
            if len(calls) == nth:
                with engine.begin() as other:
                    observations.append(other, one_more(3, gateways=True))
            return found

        return reading

    with monkeypatch.context() as patch:
        for module in (digested, refreshing):
            if hasattr(module, "vantages"):
                patch.setattr(module, "vantages", and_then(module.vantages))
        if under_lock:
            with writing(engine) as connection:
                ledger.refresh(connection)
        else:
            with engine.connect() as connection:
                coming = find(connection)
            with writing(engine) as connection:
                write(connection, coming)
    if len(calls) < nth:
        add(engine, one_more(3, gateways=True))
    with writing(engine) as connection:
        ledger.refresh(connection)
    assert paths(engine) == ["mobile_router"]


@pytest.mark.parametrize("place", ["waiting", "Fresh", "_parts_of", "_load", "numbers_of"])
def test_who_derives_between_two_questions_of_a_job_makes_it_no_failure(
    ledger_engine: Engine, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    engine = of_its_own(ledger_engine)
    add(engine, night(0))
    with writing(engine) as connection:
        ledger.refresh(connection)
    add(engine, night(1, swap=1))
    with writing(engine) as connection:
        jobs.want(connection, START, urgent=True)
        (job,) = jobs.list_jobs(connection)
    read, calls = getattr(digested, place), list[int]()

    def reading(*given: Any) -> Any:
        calls.append(1)
        if len(calls) == 1:
            with writing(engine) as other:
                ledger.refresh(other)
        return read(*given)

    monkeypatch.setattr(digested, place, reading)
    assert jobs.carry_out(engine, job, "w", lambda: START) is not State.FAILED
    assert len(calls) > 1
    plain = of_its_own(ledger_engine)
    for some in (night(0), night(1, swap=1)):
        add(plain, some)
    with writing(plain) as connection:
        ledger.refresh(connection)
    with engine.connect() as connection, plain.connect() as other:
        assert bodies(connection) == bodies(other)
