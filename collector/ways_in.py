# SPDX-License-Identifier: Apache-2.0
"""All doors of the collector as routers."""

from fastapi import APIRouter

from collector import invited, login, me, my_factors, people, second_factor, sign_on
from collector.doors import Doors


def routers(doors: Doors) -> list[APIRouter]:
    """Make the routes of login, links, second factor, own page and people."""
    makers = (login, sign_on, invited, second_factor, me, my_factors, people)
    return [maker.router(doors) for maker in makers]
