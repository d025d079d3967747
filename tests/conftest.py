# SPDX-License-Identifier: Apache-2.0
"""With CI=true a skipped check is a failed one: nothing passes because it ran nothing.

Property tests have no deadline: how fast this machine is says nothing about the code.
"""

import os

import pytest
from hypothesis import settings

if os.environ.get("CI") != "true":  # there hypothesis loads a profile of its own, without a deadline too
    settings.register_profile("daicho", deadline=None)
    settings.load_profile("daicho")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):  # type: ignore[no-untyped-def]
    report = yield
    if report.skipped and os.environ.get("CI") == "true" and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI does not accept: {report.longrepr}"
    return report
