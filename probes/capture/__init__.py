# SPDX-License-Identifier: Apache-2.0
"""Recorded traffic, read as it comes: the file, its packets, its flows. Pure: bytes in, values out."""
