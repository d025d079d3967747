# SPDX-License-Identifier: Apache-2.0
"""The virtual hospital: real daemons in network namespaces, cut off from every real network."""
