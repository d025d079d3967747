#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs the collector or the agent as systemd services. Names everything first, then asks; without a yes
# nothing is changed. Files that are there already and are yours (settings) stay as they are.
set -u
. "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

usage() {
    cat >&2 <<'TEXT'
使い方 / usage: bash deploy/install.sh collector|agent|both [--yes] [--start] [--root DIR]
  --yes       尋ねずに行う / do not ask
  --start     サービスを有効にして始める / enable and start the services
  --root DIR  DIR の下にファイルを並べるだけ（利用者も環境も作らない） / only lay the files out below DIR
TEXT
}

part='' yes=no start=no root=''
while [ $# -gt 0 ]; do
    case "$1" in
        collector | agent | both) part=$1; shift ;;
        --yes) yes=yes; shift ;;
        --start) start=yes; shift ;;
        --root) [ $# -ge 2 ] && [ -n "$2" ] || { usage; exit 2; }; root=${2%/}; shift 2 ;;
        -h | --help) usage; exit 0 ;;
        *) usage; exit 2 ;;
    esac
done
[ -n "$part" ] || { usage; exit 2; }

units=() settings=()
case "$part" in
    collector | both) units+=(daicho-collector.service daicho-doctor.service daicho-doctor.timer daicho-backup.service daicho-backup.timer); settings+=(collector) ;;
esac
case "$part" in agent | both) units+=(daicho-agent.service); settings+=(agent) ;; esac
services=()
for unit in "${units[@]}"; do # a timer starts the service beside it
    case "$unit" in daicho-doctor.service | daicho-backup.service) ;; *) services+=("$unit") ;; esac
done

say "これから行うこと:" "  What will be done:"
if [ -z "$root" ]; then
    say "- 利用者 daicho、daicho-agent を作る（パスワードもシェルもなし） / make these users, without password or shell"
    say "- $HERE を /opt/daicho/source に写し、/opt/daicho/venv に Python の環境を作る（requirements.txt の部品だけ、ハッシュで確かめて）"
    say "  copy this folder to /opt/daicho/source; make a Python environment in /opt/daicho/venv, only what requirements.txt names, checked by hash"
fi
for name in "${settings[@]}"; do
    if [ -e "$root/etc/daicho/$name.toml" ]; then
        say "- $root/etc/daicho/$name.toml はそのまま使う / stays as it is"
    else
        say "- $root/etc/daicho/$name.toml を例から作る（始める前に直してください） / from the example; edit it before the start"
    fi
done
for unit in "${units[@]}"; do say "- $root/etc/systemd/system/$unit"; done
say "- $root/usr/lib/sysusers.d/daicho.conf"
if [ "$start" = yes ] && [ -z "$root" ]; then
    say "- 有効にして始める / enable and start: ${services[*]}"
else
    say "- サービスは始めない / no service is started"
fi

if [ "$yes" != yes ]; then
    printf '%s ' "行いますか？ はい: y / Go ahead? (y)" >&2
    read -r answer || answer=''
    case "$answer" in
        y | Y | yes | はい) ;;
        *) say "何も変更していません。" "  Nothing was changed."; exit 1 ;;
    esac
fi
if [ -z "$root" ]; then
    is_root || { say "root が要ります（sudo）。何も変更していません。" "  Root is needed (sudo). Nothing was changed."; exit 3; }
    command -v systemctl >/dev/null || { say "systemd がありません。何も変更していません。" "  There is no systemd. Nothing was changed."; exit 4; }
fi

fail() { say "途中で止まりました: $1。直して、もう一度実行できます。" "  Stopped at: $1. Correct it and run this again."; exit 4; }

install -d -m 0755 "$root/etc/systemd/system" "$root/usr/lib/sysusers.d" || fail "folders"
install -d -m 0750 "$root/etc/daicho" || fail "/etc/daicho"
install -m 0644 "$HERE/deploy/systemd/daicho.sysusers.conf" "$root/usr/lib/sysusers.d/daicho.conf" || fail sysusers
for unit in "${units[@]}"; do
    install -m 0644 "$HERE/deploy/systemd/$unit" "$root/etc/systemd/system/$unit" || fail "$unit"
done
for name in "${settings[@]}"; do
    [ -e "$root/etc/daicho/$name.toml" ] ||
        install -m 0640 "$HERE/deploy/examples/$name.toml" "$root/etc/daicho/$name.toml" || fail "$name.toml"
done
[ -z "$root" ] || { say "ファイルを $root の下に並べました。" "  The files are laid out below $root."; exit 0; }

systemd-sysusers /usr/lib/sysusers.d/daicho.conf || fail systemd-sysusers
chown root:root /etc/daicho && chmod 0755 /etc/daicho || fail /etc/daicho
[ ! -e /etc/daicho/collector.toml ] || chown root:daicho /etc/daicho/collector.toml || fail collector.toml
[ ! -e /etc/daicho/agent.toml ] || chown root:daicho-agent /etc/daicho/agent.toml || fail agent.toml
if [ "$HERE" != /opt/daicho/source ]; then
    install -d -m 0755 /opt/daicho && rm -rf /opt/daicho/source.new && mkdir /opt/daicho/source.new &&
        tar -C "$HERE" --exclude=.git --exclude=.venv --exclude=node_modules -cf - . | tar -C /opt/daicho/source.new --no-same-owner -xf - &&
        rm -rf /opt/daicho/source.old && { [ ! -e /opt/daicho/source ] || mv /opt/daicho/source /opt/daicho/source.old; } &&
        mv /opt/daicho/source.new /opt/daicho/source || fail /opt/daicho/source
fi
HERE=/opt/daicho/source VENV=/opt/daicho/venv
make_venv requirements.txt || fail /opt/daicho/venv
systemctl daemon-reload || fail daemon-reload
if [ "$start" = yes ]; then
    systemctl enable --now "${services[@]}" || fail "systemctl enable --now"
fi
say "入りました。/etc/daicho の設定を直してから: systemctl enable --now ${services[*]}" \
    "  Installed. Edit the settings in /etc/daicho, then: systemctl enable --now ${services[*]}"
