# SPDX-License-Identifier: Apache-2.0
"""Logs of proxies, name servers and firewalls: which machine inside called which name. One file per format, found by place.

Each offers `read_line(line, year) -> Heard | None`: pure, total, None for a line that says nothing of it.
`year` is taken where the format writes none. Times without a zone are Japan's.
"""
