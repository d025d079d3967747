# SPDX-License-Identifier: Apache-2.0
"""Layouts drawn from a seed: networks, addresses, MACs and names differ on each run, the truth is written beside.

`feet` are machines on two networks, `friends` what looks like one and is none. `write` puts a layout and its key
into a folder, where `daicho lab up FILE` and `deploy.lab.key.read_key` read them like any other.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from deploy.lab.seeded import feet, friends
from deploy.lab.seeded.sketch import Sketch

__all__ = ["LAYOUTS", "Sketch", "draw", "write"]

LAYOUTS: Mapping[str, Callable[[Sketch], None]] = {
    **{draw.__name__: draw for draw in feet.LAYOUTS},
    **{draw.__name__: draw for draw in friends.LAYOUTS},
}


def draw(name: str, seed: int) -> Sketch:
    """Draw one layout; the same name and seed give the same one."""
    sketch = Sketch(name, seed)
    LAYOUTS[name](sketch)
    return sketch


def write(sketch: Sketch, folder: Path) -> Path:
    """Write layout and key; gives the layout's file."""
    file = folder / f"{sketch.name}.yaml"
    file.write_text(sketch.layout_text(), encoding="utf-8")
    file.with_suffix(".key.yaml").write_text(sketch.key_text(), encoding="utf-8")
    return file
