#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every check: style, types, house rules, unit, replay, property, lab (namespaces), PostgreSQL and browser
# tests. What this machine cannot run is skipped with its reason; CI=true turns each such skip into a failure.
set -u
. "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
cd "$HERE" || exit 4

failed=()
check() { # check NAME COMMAND…
    local name=$1 begun=$SECONDS
    shift
    say "── $name"
    "$@" || failed+=("$name")
    say "   $((SECONDS - begun)) s"
}

# Rows of tests. Each keeps its own list of what failed in it.
kept=(-q -o cache_dir=.pytest_cache/)
unprivileged() { pytest "${kept[@]}unprivileged" -m "not lab and not browser and not postgres" "$@"; }
database() { python -m deploy.lab.postgres pytest "${kept[@]}database" -m "postgres and not lab" "$@"; }
namespaces() { pytest "${kept[@]}namespaces" -m "lab" --ignore tests/lab "$@"; }
browser() { pytest "${kept[@]}browser" -m "browser" "$@"; }
hospital() { pytest "${kept[@]}hospital" tests/lab -m "lab" "$@"; }

# A test with a real clock can lose its race against what runs beside it. Tests that failed (pytest's code 1;
# any other means that not all of them ran) are tried once more, alone; what fails twice has failed.
beside=()
tests() { # tests ROW WAY-TO-RUN-IT…
    local row=$1 begun=$SECONDS code=0
    shift
    say "── $row"
    "$@" || code=$?
    case $code in
        0) ;;
        1) beside+=("$row") ;;
        *) failed+=("$row ($code)") ;;
    esac
    say "   $((SECONDS - begun)) s"
}
aside() { # aside NAME COMMAND…: runs it beside others; `told NAME` then says what it said, and ends as it ended
    local name=$1 begun=$SECONDS code=0
    shift
    "$@" >"$logs/$name" 2>&1 || code=$?
    echo "   $((SECONDS - begun)) s" >>"$logs/$name"
    echo $code >"$logs/$name.code"
}
told() {
    cat "$logs/$1" >&2
    return "$(cat "$logs/$1.code")"
}
# What computes takes the processor only while what waits for a real clock does not want it.
yielding() (
    renice -n 19 -p "$BASHPID" >/dev/null # where it may not, the row runs all the same
    "$@"
)
once_more_alone() {
    local row
    for row in "${beside[@]}"; do
        check "once more, alone: $row" "$row" --last-failed --last-failed-no-failures none
    done
}

need '/usr/lib/*/libpcap.so.0.8=libpcap0.8' ip=iproute2 nmap=nmap tcpdump=tcpdump debootstrap=debootstrap \
    openssl=openssl pdftoppm=poppler-utils chromium=chromium fc-list=fontconfig npm=npm \
    '/usr/share/fonts/opentype/noto/NotoSansCJK*=fonts-noto-cjk' ||
    say "足りない部品を使う検査は省かれます。" "  Checks that need what is missing are skipped."
make_venv requirements-test.txt || exit 4
export PATH="$VENV/bin:$PATH"
unset PYTHONDONTWRITEBYTECODE # else each of some hundred processes compiles all that it imports anew
rm -f .pytest_cache/*/v/cache/lastfailed # what failed in an earlier run is no row's second try
logs=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$logs"' EXIT
if command -v npm >/dev/null; then
    check "npm packages" bash deploy/build_frontend.sh --tests
fi
check "ruff" ruff check .
check "ruff format" ruff format --check --quiet .

aside mypy yielding mypy &
if is_root; then
    check "lab's root file system" python -m deploy.lab.postgres true
    # The lab mostly waits, as a gentle scan does; the other rows compute. So they run beside each other.
    aside namespaces namespaces &
    aside hospital hospital &
    tests unprivileged yielding unprivileged -n auto --dist loadfile --no-loadscope-reorder
    aside browser yielding browser &
    tests database yielding database
    wait
    for row in namespaces hospital browser; do
        tests $row told $row
    done
else
    say "root でないため、名前空間と PostgreSQL の検査は省きます。" \
        "  Not root: the checks with namespaces and PostgreSQL are skipped."
    [ "${CI:-}" = true ] && failed+=("lab and PostgreSQL (not root)")
    tests unprivileged unprivileged -n auto --dist loadfile --no-loadscope-reorder
    tests browser browser
    wait
fi
check "mypy" told mypy
once_more_alone

if [ ${#failed[@]} -gt 0 ]; then
    say "✗ 通らなかった検査 / failed: $(IFS=,; echo "${failed[*]}")"
    exit 1
fi
say "✓ すべて通りました（$SECONDS 秒） / all checks passed in $SECONDS s"
