# SPDX-License-Identifier: Apache-2.0
"""Layouts drawn from a seed can be built, differ from seed to seed, and are the same for the same one."""

from pathlib import Path

import pytest

from deploy.bench.ways_between import Outcome, compare, report
from deploy.lab.key import read_key
from deploy.lab.layout import read_layout
from deploy.lab.seeded import LAYOUTS, draw, write


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("seed", [1, 2, 77])
def test_each_drawn_layout_is_one_that_can_be_built(name: str, seed: int, tmp_path: Path) -> None:
    sketch = draw(name, seed)
    file = write(sketch, tmp_path)
    layout, key = read_layout(file), read_key(file)
    assert set(layout.hosts) == {host.id for host in key.hosts} | set(sketch.agents)
    assert layout.scope.agent in sketch.agents
    assert set(sketch.far) <= set(layout.hosts)
    for host in layout.hosts:
        layout.place(host)


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_seed_decides_everything_and_another_one_gives_another_layout(name: str) -> None:
    assert draw(name, 3).layout_text() == draw(name, 3).layout_text()
    assert draw(name, 3).layout_text() != draw(name, 4).layout_text()


def test_there_are_enough_of_them() -> None:
    assert len(LAYOUTS) >= 12


def device(*ips: str, networks: tuple[str, ...] = (), forwards: bool | None = None) -> dict[str, object]:
    dual = {"networks": list(networks)} if networks else None
    addresses = [{"ip": ip} for ip in ips]
    return {"addresses": addresses, "dual_homed": dual, "forwards": forwards, "remote_paths": []}


def judged(tmp_path: Path, *devices: dict[str, object]) -> Outcome:
    sketch = draw("linux_server", 5)
    return compare(devices, read_key(write(sketch, tmp_path)), sketch)


def test_the_comparison_knows_right_from_wrong(tmp_path: Path) -> None:
    """An outcome that cannot be bad would measure nothing."""
    key = read_key(write(draw("linux_server", 5), tmp_path))
    at = {host.id: host.addresses for host in key.hosts}
    near, far = at["two-feet"]
    others = [device(at[name][0].ip) for name in ("plain-pc", "plain-sv")]
    both = (near.network, far.network)
    good = judged(tmp_path, device(near.ip, far.ip, networks=both), *others)
    assert (good.found, good.findable, good.is_right) == (1, 1, True)
    missed = judged(tmp_path, device(near.ip), *others)
    assert missed.missed == ["two-feet"]
    assert missed.is_right
    wrongs = (
        (device(near.ip, networks=(near.network, "10.255.0.0/24")), *others),
        (device(near.ip, forwards=True), *others),
        (device(near.ip, at["plain-pc"][0].ip), others[1]),
        (device(near.ip), *others, device("10.255.0.9")),
        (device(near.ip), others[0]),
    )
    for devices in wrongs:
        assert not judged(tmp_path, *devices).is_right
    assert any("recall" in line for line in report([good, missed]))
