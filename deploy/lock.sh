#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Writes the locks anew from pyproject.toml, with hashes, without any index or download address.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
lock() { .venv/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
    --no-annotate --no-header "$@"; }
lock --extra agent --extra collector pyproject.toml -o requirements.txt
lock --extra agent --extra collector --extra test pyproject.toml -o requirements-test.txt
printf 'setuptools>=77\nwheel\n' | lock - -o requirements-build.txt
! grep -nE 'https?://' requirements*.txt
