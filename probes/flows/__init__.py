# SPDX-License-Identifier: Apache-2.0
"""Recognisers of flows, found by place: one file a family of protocols, each with `TRANSPORTS` and `read(flow)`.

`read` is pure and total: it looks at the first payloads of both directions and gives `Claim`s.
What counts is the structure of the protocol; a port alone names nothing.
"""
