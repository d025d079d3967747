# SPDX-License-Identifier: Apache-2.0
"""The error tree of the virtual hospital; every message says what, what it means and what to do.

LabError
├── LabUnavailable   this machine cannot build or run it (not root, no debootstrap, no network)
├── LayoutError      a layout or answer key does not say something we understand
├── LabBusy          a lab is already up
└── LabDown          no lab is up, or it has no such host
"""

__all__ = ["LabBusy", "LabDown", "LabError", "LabUnavailable", "LayoutError"]


class LabError(Exception):
    """Any failure of the virtual hospital; the text is bilingual and meant to be shown."""


class LabUnavailable(LabError):
    """This machine cannot build or run a lab."""


class LayoutError(LabError):
    """A layout or answer key is malformed."""


class LabBusy(LabError):
    """A lab is already up."""


class LabDown(LabError):
    """No lab is up, or it has no such host."""
