# SPDX-License-Identifier: Apache-2.0
"""`python -m deploy …` is `daicho …`."""

from deploy.cli import main

main()
