# SPDX-License-Identifier: Apache-2.0
"""The schemes, found by place: each file offers SCHEMES, name → reader of one version text."""
