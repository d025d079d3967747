# SPDX-License-Identifier: GPL-2.0-or-later
"""The packet worker: a process of its own, the only one with scapy and with CAP_NET_RAW.

The rest of the project talks to it over a pipe and never imports it. Messages both ways are 4 bytes
length (big-endian) and a MessagePack map; `messages.py` lists them.
"""
