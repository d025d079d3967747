# SPDX-License-Identifier: Apache-2.0
"""Configuration files of gateways and switches, read without keeping a secret: see README.md."""
