# SPDX-License-Identifier: Apache-2.0
"""The diagram of a case, compared with the case of an earlier day. Pure."""

from collector.case import Case
from collector.diagram.difference import compare
from collector.diagram.from_case import diagram_of
from collector.diagram.model import Diagram
from inventory_db.official import day_text


def diagram_in(case: Case, earlier: Case | None) -> Diagram:
    """Give the diagram; with `earlier`, what differs from it is marked."""
    diagram = diagram_of(case)
    if earlier is None or not earlier.devices:
        return diagram
    return compare(diagram, diagram_of(earlier), day_text(earlier.now))
