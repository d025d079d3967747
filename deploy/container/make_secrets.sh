#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes the secrets that compose.yaml reads, each in a file of its own; what is there already stays.
set -eu
cd "$(dirname "${BASH_SOURCE[0]}")"
umask 077
mkdir -p secrets
make() { [ -e "secrets/$1" ] || head -c 32 /dev/urandom | base64 | tr -d '/+=\n' >"secrets/$1"; }
make db_admin_password
make db_password
make metrics_token
[ -e secrets/pgpass ] || printf '*:*:*:daicho:%s\n' "$(cat secrets/db_password)" >secrets/pgpass
if [ "$(id -u)" -eq 0 ]; then
    chown 10001:10001 secrets/pgpass secrets/metrics_token # the collector's user
    chown 999:999 secrets/db_password # the database's user
    for file in secrets/tls.crt secrets/tls.key; do [ ! -e "$file" ] || chown 101:101 "$file"; done # the proxy's
else
    echo "root で実行すると、秘密のファイルを各コンテナの利用者のものにします（sudo bash $0）。" >&2
    echo "Run as root, this gives each file to the user of its container (sudo bash $0)." >&2
fi
[ -e secrets/tls.crt ] && [ -e secrets/tls.key ] || {
    echo "院内の証明書を secrets/tls.crt、鍵を secrets/tls.key に置いてから、もう一度実行してください。" >&2
    echo "Put the site's certificate at secrets/tls.crt and its key at secrets/tls.key, then run this again." >&2
}
