# SPDX-License-Identifier: Apache-2.0
"""One file per `daicho` command; file name = command name, each with a function `command`."""
