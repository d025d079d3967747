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

# The lab mostly waits, as a gentle scan does: three rows of checks use the two cores better than one.
namespaces_and_browser() {
    local code=0
    pytest -q -m "lab" --ignore tests/lab || code=1
    pytest -q -m "browser" || code=1
    return $code
}

need '/usr/lib/*/libpcap.so.0.8=libpcap0.8' ip=iproute2 nmap=nmap tcpdump=tcpdump debootstrap=debootstrap \
    openssl=openssl pdftoppm=poppler-utils chromium=chromium fc-list=fontconfig npm=npm \
    '/usr/share/fonts/opentype/noto/NotoSansCJK*=fonts-noto-cjk' ||
    say "足りない部品を使う検査は省かれます。" "  Checks that need what is missing are skipped."
make_venv requirements-test.txt || exit 4
export PATH="$VENV/bin:$PATH"
if command -v npm >/dev/null; then
    check "npm packages" bash deploy/build_frontend.sh --tests
fi

check "ruff" ruff check .
check "ruff format" ruff format --check --quiet .
check "mypy" mypy
check "tests without privileges" pytest -q -n auto --dist loadfile --no-loadscope-reorder -m "not lab and not browser and not postgres"
if is_root; then
    check "lab's root file system" python -m deploy.lab.postgres true
    logs=$(mktemp -d)
    trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$logs"' EXIT
    python -m deploy.lab.postgres pytest -q -m "postgres and not lab" >"$logs/database" 2>&1 &
    database=$!
    namespaces_and_browser >"$logs/namespaces" 2>&1 &
    namespaces=$!
    check "virtual hospital" pytest -q tests/lab -m "lab"
    check "PostgreSQL" wait $database
    cat "$logs/database" >&2
    check "namespaces and browser" wait $namespaces
    cat "$logs/namespaces" >&2
else
    say "root でないため、名前空間と PostgreSQL の検査は省きます。" \
        "  Not root: the checks with namespaces and PostgreSQL are skipped."
    [ "${CI:-}" = true ] && failed+=("lab and PostgreSQL (not root)")
    check "browser" pytest -q -m "browser"
fi

if [ ${#failed[@]} -gt 0 ]; then
    say "✗ 通らなかった検査 / failed: $(IFS=,; echo "${failed[*]}")"
    exit 1
fi
say "✓ すべて通りました（$SECONDS 秒） / all checks passed in $SECONDS s"
