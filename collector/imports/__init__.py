# SPDX-License-Identifier: Apache-2.0
"""What comes in as files: an existing ledger, device configurations."""
