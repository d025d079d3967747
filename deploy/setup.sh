# SPDX-License-Identifier: Apache-2.0
# Sourced by run.sh and test.sh: finds what is missing, names it, installs it.
# Nothing outside this folder and the package list named on the screen is changed.

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
VENV="$HERE/.venv"
# A copy that we may only read gets its environment in the user's cache folder.
[ -w "$HERE" ] || VENV="${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/daicho/venv"

say() { printf '%s\n' "$@" >&2; }

is_root() { [ "$(id -u)" -eq 0 ]; }

# need PROGRAM-OR-FILE=PACKAGE …: name the packages of what is missing, then install them with apt.
# Gives 1 when something stays missing.
need() {
    local missing=() pair
    for pair in "$@"; do
        case "${pair%%=*}" in
            /*) compgen -G "${pair%%=*}" >/dev/null || missing+=("${pair#*=}") ;;
            *) command -v "${pair%%=*}" >/dev/null || missing+=("${pair#*=}") ;;
        esac
    done
    [ ${#missing[@]} -eq 0 ] && return 0
    if ! is_root || ! command -v apt-get >/dev/null; then
        say "次の部品がなく、権限がないため入れられません: ${missing[*]}" \
            "  Missing, and cannot be installed without root (apt): ${missing[*]}"
        return 1
    fi
    say "これから入れる部品（apt）: ${missing[*]}" "  Installing with apt: ${missing[*]}"
    { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends \
        "${missing[@]}"; } >"$HERE/.venv-apt.log" 2>&1 && rm -f "$HERE/.venv-apt.log" && return 0
    say "入れられませんでした。詳しくは .venv-apt.log を見てください。" \
        "  Installing failed; see .venv-apt.log."
    return 1
}

find_python() {
    local name
    for name in python3 python3.13 python3.12 python3.11; do
        if command -v "$name" >/dev/null && "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
            printf '%s' "$name"
            return 0
        fi
    done
    say "Python 3.11 以上が要ります（Debian 12 以降、Ubuntu 24.04 以降）。" \
        "  Python 3.11 or newer is needed (Debian 12, Ubuntu 24.04 or later)."
    return 1
}

# Our own code is not copied: the environment points at this folder.
install_ourselves() {
    if [ -w "$HERE" ]; then
        "$VENV/bin/python" -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e "$HERE"
        return
    fi
    local site
    site=$("$VENV/bin/python" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])') &&
        printf '%s\n' "$HERE" >"$site/daicho.pth" &&
        printf '#!/bin/sh\nexec "%s" -m deploy "$@"\n' "$VENV/bin/python" >"$VENV/bin/daicho" &&
        chmod +x "$VENV/bin/daicho"
}

stamp_of() { cat "$HERE/requirements-build.txt" "$HERE/$1" "$HERE/pyproject.toml" | sha256sum; }

# make_venv LOCK: a virtual environment of our own with exactly what the lock names, checked by hash.
make_venv() {
    local lock=$1 python made
    need python3=python3 || return 1
    python=$(find_python) || return 1
    for made in "$lock" requirements-test.txt; do # the tests' environment holds all that the product needs
        [ -f "$VENV/.daicho" ] && [ "$(cat "$VENV/.daicho")" = "$(stamp_of "$made")" ] && return 0
    done
    "$python" -c 'import ensurepip, venv' 2>/dev/null || need /nothing=python3-venv || return 1
    "$python" -c 'import os, sysconfig, sys; sys.exit(not os.path.exists(sysconfig.get_paths()["include"] + "/Python.h"))' ||
        need /nothing=python3-dev || return 1
    need gcc=gcc || return 1
    say "専用の Python 環境を $VENV に作ります（$lock の部品だけ、初回は1〜2分）…" \
        "  Making our own Python environment in $VENV (only what $lock names) …"
    mkdir -p "$(dirname "$VENV")" && "$python" -m venv "$VENV" &&
        "$VENV/bin/python" -m pip install -q --disable-pip-version-check --require-hashes --no-deps \
            -r "$HERE/requirements-build.txt" &&
        "$VENV/bin/python" -m pip install -q --disable-pip-version-check --require-hashes --no-deps \
            --no-build-isolation -r "$HERE/$lock" &&
        install_ourselves &&
        stamp_of "$lock" >"$VENV/.daicho" && return 0
    say "Python 環境を作れませんでした。理由は上の行にあります。パッケージの入手先につながるか、空き容量と権限があるかを確かめて、もう一度実行してください。" \
        "  The Python environment could not be made; the lines above say why. Check that packages can be fetched, and space and permissions, then run again."
    return 1
}
