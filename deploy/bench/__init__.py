# SPDX-License-Identifier: Apache-2.0
"""Measurements: what the readers say of recorded material, held against what it truly is."""
