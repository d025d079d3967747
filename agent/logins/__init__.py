# SPDX-License-Identifier: Apache-2.0
"""Sessions with credentials that the site gave; read-only by their shape."""
