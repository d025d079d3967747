# SPDX-License-Identifier: Apache-2.0
"""One file per kind of file that `daicho load` takes; file name = kind, each with a function `command`."""
