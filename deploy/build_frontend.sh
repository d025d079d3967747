#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Fetches what pages and papers take from npm (two Japanese fonts, htmx) and puts it where the collector finds it.
# The pages work without: they then use the fonts of the reader's machine, and a cell is edited on a page of its own. A PDF is not made without them.
# With --tests, what only the browser tests need (axe-core) is fetched too, into node_modules.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if ! command -v npm >/dev/null; then
  echo "npm がありません。ページは端末のフォントで表示され、PDF の書類は作れません。npm を入れてから、もう一度実行してください。" >&2
  echo "npm is not installed. The pages will use the reader's own fonts, and no PDF can be made; install npm and run this again." >&2
  exit 0
fi

only=(--omit=dev)
if [[ "${1:-}" == "--tests" ]]; then only=(); fi
vendor=collector/static/vendor
made="$(cat package-lock.json deploy/build_frontend.sh | sha256sum)"
there="$(cat node_modules/.daicho 2>/dev/null || true)" # what the tests need holds all that the pages need
if [[ -f $vendor/htmx-LICENSE.txt && ( "$there" == "$made" || "$there" == "$made${only[*]}" ) ]]; then exit 0; fi
echo "画面と書類の部品（日本語フォントなど）を npm から取っています… / Fetching what pages and papers need (fonts) from npm …" >&2
npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error "${only[@]}" >&2

font=node_modules/@expo-google-fonts/biz-udgothic
mkdir -p "$vendor"
install -m 0644 "$font/400Regular/BIZUDGothic_400Regular.ttf" "$vendor/BIZUDGothic-Regular.ttf"
install -m 0644 "$font/700Bold/BIZUDGothic_700Bold.ttf" "$vendor/BIZUDGothic-Bold.ttf"
install -m 0644 "$font/LICENSE_FONT" "$vendor/BIZUDGothic-OFL.txt"
font=node_modules/@expo-google-fonts/noto-sans-jp
install -m 0644 "$font/400Regular/NotoSansJP_400Regular.ttf" "$vendor/NotoSansJP-Regular.ttf"
install -m 0644 "$font/700Bold/NotoSansJP_700Bold.ttf" "$vendor/NotoSansJP-Bold.ttf"
install -m 0644 "$font/LICENSE_FONT" "$vendor/NotoSansJP-OFL.txt"
install -m 0644 node_modules/htmx.org/dist/htmx.min.js "$vendor/htmx.min.js"
install -m 0644 node_modules/htmx.org/LICENSE "$vendor/htmx-LICENSE.txt"
echo "$made${only[*]}" >node_modules/.daicho
