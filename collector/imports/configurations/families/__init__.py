# SPDX-License-Identifier: Apache-2.0
"""One module per maker's configuration language, found by place."""
