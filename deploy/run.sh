#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# One command to a ledger. Without arguments: on a virtual hospital built on this machine.
# With --scope CIDR[,CIDR…]: on that network, and nothing of the virtual hospital is installed or built.
set -u
. "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

usage() {
    cat >&2 <<'TEXT'
使い方 / usage:
  bash deploy/run.sh                          仮想病院を建てて調べる / build a virtual hospital and scan it
  bash deploy/run.sh --scope 192.168.1.0/24   その網を調べる / scan that network
ほかの引数は daicho scan にそのまま渡ります（--exclude, --profile, --config …）。
Other arguments go to `daicho scan` (--exclude, --profile, --config …).
  --port N     画面の口 / port of the pages (8000)
  --no-serve   画面を開かずに終わる / print the ledger and end
TEXT
}

scope='' port=8000 serve=yes rest=()
while [ $# -gt 0 ]; do
    case "$1" in
        --scope) scope=${2:?--scope CIDR}; shift 2 ;;
        --scope=*) scope=${1#*=}; shift ;;
        --port) port=${2:?--port N}; shift 2 ;;
        --no-serve) serve=no; shift ;;
        -h | --help) usage; exit 0 ;;
        *) rest+=("$1"); shift ;;
    esac
done

need '/usr/lib/*/libpcap.so.0.8=libpcap0.8' || true
need ip=iproute2 || true
make_venv requirements.txt || exit 4
daicho="$VENV/bin/daicho"

if [ -n "$scope" ]; then
    is_root || say "root でないため、ARP での発見と受信はできません。TCP 接続と近隣表で続けます。" \
        "  Not root: no ARP and no listening; going on with TCP connects and the kernel's neighbour table."
    ledger=$PWD/daicho.sqlite
    "$daicho" scan "$scope" --ledger "$ledger" "${rest[@]}"
    status=$?
else
    if ! is_root; then
        say "仮想病院を建てるには root が要ります（sudo bash deploy/run.sh）。自分の網は root なしでも調べられます: bash deploy/run.sh --scope 192.168.1.0/24" \
            "  Building the virtual hospital needs root (sudo bash deploy/run.sh). Your own network can be scanned without: --scope CIDR"
        exit 3
    fi
    need nsenter=util-linux debootstrap=debootstrap openssl=openssl || exit 4
    if command -v npm >/dev/null; then
        bash "$HERE/deploy/build_frontend.sh" || say "画面用フォントは入りませんでした。画面は使えます。" \
            "  The web font was not installed; the pages work without it."
    fi
    folder=${XDG_CACHE_HOME:-$HOME/.cache}/daicho/demo
    mkdir -p "$folder" && cd "$folder" || exit 4
    ledger=$folder/daicho.sqlite
    rm -f "$ledger" "$ledger"-* "$ledger".spool*
    trap '"$daicho" lab down >/dev/null 2>&1' EXIT
    trap 'exit 130' INT TERM
    "$daicho" lab settings agent.toml || exit 4
    "$daicho" lab up --die-with $$ || exit 4
    "$daicho" lab exec agent -- "$daicho" scan --config agent.toml --ledger "$ledger" "${rest[@]}"
    status=$?
    "$daicho" lab down
    trap - EXIT INT TERM
fi
[ "$status" -le 1 ] || exit "$status"
[ "$serve" = yes ] || exit "$status"
exec "$daicho" serve --ledger "$ledger" --port "$port"
