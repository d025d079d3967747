# SPDX-License-Identifier: Apache-2.0
"""The network diagram (ネットワーク構成図, BCP 確認表 1-1), made from the ledger. Pure."""
