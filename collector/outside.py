# SPDX-License-Identifier: Apache-2.0
"""All pages about and for people from outside, in one list for the application."""

from fastapi import APIRouter

from collector import inspectors, releases, vendor_files, vendor_list, vendor_sheet, vendors
from collector.doors import Doors


def routers(doors: Doors) -> list[APIRouter]:
    """Make the pages of releases, of inspectors and of vendors."""
    return [
        releases.router(doors),
        inspectors.router(doors.renderer, doors.now),
        vendor_list.router(doors),
        vendors.router(doors),
        vendor_sheet.router(doors),
        vendor_files.router(doors),
    ]
