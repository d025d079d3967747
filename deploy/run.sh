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
  --ledger F   台帳ファイル / ledger file (./daicho.sqlite)
  --port N     画面のポート / port of the pages (8000)
  --no-serve   画面を開かずに終わる / print the ledger and end
TEXT
}

value_of() { # value_of OPTION [VALUE]: the value, or a sentence that it is missing
    [ $# -ge 2 ] && [ -n "$2" ] && return 0
    say "$1 の後に値が要ります。" "  $1 needs a value." 
    usage
    exit 2
}

port_is_free() { # nothing answers there; the pages themselves check again
    ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

begin=$PWD scope='' port=8000 serve=yes ledger='' rest=()
case "${1:-}" in
    '' | -*) ;;
    *)
        say "「$1」の前に --scope を付けてください。" "  Put --scope before “$1”."
        usage
        exit 2
        ;;
esac
while [ $# -gt 0 ]; do
    case "$1" in
        --scope) value_of "$@"; scope=$2; shift 2 ;;
        --scope=*) scope=${1#*=}; value_of --scope "$scope"; shift ;;
        --port) value_of "$@"; port=$2; shift 2 ;;
        --port=*) port=${1#*=}; value_of --port "$port"; shift ;;
        --ledger) value_of "$@"; ledger=$2; shift 2 ;;
        --ledger=*) ledger=${1#*=}; value_of --ledger "$ledger"; shift ;;
        --no-serve) serve=no; shift ;;
        -h | --help) usage; exit 0 ;;
        *) rest+=("$1"); shift ;;
    esac
done

case "$port" in
    *[!0-9]* | ??????*)
        say "--port には 1 から 65535 までの数を書いてください。" "  --port takes a number from 1 to 65535."
        exit 2
        ;;
esac
if [ "$serve" = yes ] && ! port_is_free "$port"; then
    say "127.0.0.1 の $port 番の口は、ほかのプログラムが使っています。--port 8001 のように別の番号を付けるか、--no-serve を付けてください。まだ何も送っていません。" \
        "  Port $port of 127.0.0.1 is in use by another program. Add --port 8001, say, or --no-serve. Nothing was sent."
    exit 2
fi
if [ -z "$scope" ] && ! is_root; then
    say "仮想病院を建てるには root が要ります（sudo bash deploy/run.sh）。自分の網は root なしでも調べられます: bash deploy/run.sh --scope 192.168.1.0/24" \
        "  Building the virtual hospital needs root (sudo bash deploy/run.sh). Your own network can be scanned without root: --scope 192.168.1.0/24"
    exit 3
fi

need '/usr/lib/*/libpcap.so.0.8=libpcap0.8' ip=iproute2 ||
    say "なくても続けられます（見えるものが少し減ります）。" "  Going on without: a little less will be seen."
make_venv requirements.txt || exit 4
daicho="$VENV/bin/daicho"

if [ -n "$scope" ]; then
    is_root || say "root でないため、ARP での発見と受信はできません。TCP 接続と近隣表で続けます。" \
        "  Not root: no ARP and no listening; going on with TCP connects and the kernel's neighbour table."
    ledger=${ledger:-$begin/daicho.sqlite}
    "$daicho" scan "$scope" --ledger "$ledger" ${rest[@]+"${rest[@]}"}
    status=$?
else
    need nsenter=util-linux debootstrap=debootstrap openssl=openssl || exit 4
    if command -v npm >/dev/null; then
        bash "$HERE/deploy/build_frontend.sh" || say "画面用フォントは入りませんでした。画面は使えます。" \
            "  The web font was not installed; the pages work without it."
    fi
    folder=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/daicho/demo
    mkdir -p "$folder" && cd "$folder" || exit 4
    [ -z "$ledger" ] || say "仮想病院の台帳は --ledger ではなく $folder に作ります。" \
        "  The virtual hospital's ledger is made in $folder, not where --ledger says."
    ledger=$folder/daicho.sqlite
    if [ -e "$ledger" ]; then
        aside=$folder/$(date +%Y%m%d-%H%M%S)
        mkdir "$aside" && mv "$ledger"* "$aside" || exit 4
        say "前の仮想病院の台帳は $aside に移しました。新しい台帳を作ります。" \
            "  The virtual hospital's ledger of before is now in $aside. A new one is made."
    fi
    trap '"$daicho" lab down >/dev/null 2>&1' EXIT
    trap 'say "中断しました。仮想病院を片付けます。" "  Interrupted. Tearing the virtual hospital down."; exit 4' INT TERM
    "$daicho" lab settings agent.toml || exit 4
    "$daicho" lab up --die-with $$ || exit 4
    "$daicho" lab exec agent -- "$daicho" scan --config agent.toml --ledger "$ledger" ${rest[@]+"${rest[@]}"}
    status=$?
    "$daicho" lab down >&2
    trap - EXIT INT TERM
fi
command -v daicho >/dev/null ||
    say "「daicho」を打てるようにするには: export PATH=\"$VENV/bin:\$PATH\"（sudo のときは sudo $daicho …）" \
        "  To have \`daicho\` at hand: export PATH=\"$VENV/bin:\$PATH\" (with sudo: sudo $daicho …)"
[ "$status" -le 1 ] || exit "$status"
[ "$serve" = yes ] || exit "$status"
say "上の「次に」の画面は、いまここで開きます。ほかの命令は別の端末で打てます。" \
    "  The pages named above open here now; the other commands can be typed in another terminal."
exec "$daicho" serve --ledger "$ledger" --port "$port"
