# SPDX-License-Identifier: Apache-2.0
"""What is known of weak and unsupported versions: our starting set, importers, and their age."""
