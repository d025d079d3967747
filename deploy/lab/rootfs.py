# SPDX-License-Identifier: Apache-2.0
"""Builds the root file system that holds the virtual hospital's daemons, once, in the user's cache.

Nothing is installed, configured or started on the machine: debootstrap makes a Debian tree of its own, and
packages go into it inside private mount and pid namespaces, so no mount and no process is ever left behind.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.lab import debian
from deploy.lab.errors import LabUnavailable
from deploy.lab.paths import cache_folder

__all__ = ["PACKAGES", "build", "existing", "package_version"]

PACKAGES = (
    "avahi-daemon", "ca-certificates", "cups-daemon", "dcmtk", "dnsmasq-base", "dropbear-bin", "inetutils-telnetd",
    "iproute2", "iputils-ping", "libcharon-extra-plugins", "libstrongswan-standard-plugins", "lighttpd",
    "lighttpd-mod-openssl", "lldpd", "nftables", "nginx-light", "openssh-server", "openssl", "openvpn", "postgresql",
    "procps", "samba", "snmpd", "socat", "softether-vpnserver", "strongswan-charon", "strongswan-starter",
    "tigervnc-standalone-server", "tigervnc-tools", "udhcpc", "vsftpd", "xrdp",
)  # fmt: skip
_RECIPE = "3"  # raise it when the steps below change, so that old trees are not taken for new ones
_DPKG = """force-unsafe-io
path-exclude=/usr/share/doc/*
path-exclude=/usr/share/man/*
path-exclude=/usr/share/info/*
path-exclude=/usr/share/locale/*
path-exclude=/usr/share/lintian/*
path-exclude=/usr/share/icons/*
"""
_STEPS = """
set -eu
root=$1; suite=$2; mirror=$3; keyring=$4; shift 4
export DEBIAN_FRONTEND=noninteractive LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin
if [ ! -e "$root.bootstrapped" ]; then
  rm -rf "$root"
  debootstrap --variant=minbase --keyring="$keyring" "$suite" "$root" "$mirror"
  touch "$root.bootstrapped"
fi
mount -t proc proc "$root/proc"
cp -a "$root.etc/." "$root/etc/"
mkdir -p "$root/usr/share/keyrings" "$root/usr/sbin"
cp "$keyring" "$root$keyring"
printf '#!/bin/sh\\nexit 101\\n' > "$root/usr/sbin/policy-rc.d"; chmod 755 "$root/usr/sbin/policy-rc.d"
chroot "$root" dpkg --configure -a
chroot "$root" apt-get -q update
chroot "$root" apt-get -q -y -o APT::Keep-Downloaded-Packages=true install --no-install-recommends "$@"
chroot "$root" apt-get clean
rm -rf "$root"/var/lib/apt/lists/* "$root"/etc/apt/apt.conf.d/00host "$root"/etc/ssh/ssh_host_*
umount "$root/proc"
"""


def existing() -> Path | None:
    """Return the finished root file system for today's package list, or None."""
    folder = _folder()
    return folder if folder.is_dir() else None


def build(say: Callable[[str], None]) -> Path:
    """Return the root file system, building it first if need be (minutes; needs root and a Debian mirror).

    An interrupted build is resumed; two builders wait for each other. Raises LabUnavailable with what to do.
    """
    if found := existing():
        return found
    _check_machine()
    folder = _folder()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _only_builder(folder.parent / "rootfs.lock"):
        if not folder.is_dir():
            say(f"仮想病院用の Debian を {folder} に作ります（初回だけ、数分）。この機械には何も入れません。")
            say(
                f"Building the virtual hospital's own Debian in {folder} (once, minutes); nothing else changes."
            )
            _run_steps(folder)
    return folder


def package_version(package: str, root: Path | None = None) -> str:
    """Return the upstream version of a package in the root file system: '1:9.2p1-2+deb12u10' → '9.2p1'."""
    tree = root or existing()
    status = (tree / "var/lib/dpkg/status").read_text("utf-8") if tree else ""
    for entry in status.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in entry.splitlines() if ": " in line)
        if fields.get("Package") == package:
            upstream = fields["Version"].split(":", 1)[-1].rsplit("-", 1)[0]
            return upstream.split("+dfsg")[0]
    raise LabUnavailable(
        f"仮想病院の Debian に {package} がありません。`daicho lab up` で作り直してください。"
        f" / {package} is not in the lab's Debian; build it with `daicho lab up`."
    )


def _folder() -> Path:
    text = "\n".join((_RECIPE, debian.SUITE, *PACKAGES))
    return cache_folder() / f"rootfs-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def _check_machine() -> None:
    if os.geteuid() != 0:
        raise LabUnavailable(
            "仮想病院を作るには管理者権限（root）が必要です。sudo で実行してください。"
            " / Building the virtual hospital needs root; run it with sudo."
        )
    missing = [tool for tool in ("debootstrap", "setpriv", "unshare", "mount") if shutil.which(tool) is None]
    if missing or not debian.KEYRING.is_file():
        wanted = [*missing, *([] if debian.KEYRING.is_file() else ["debian-archive-keyring"])]
        raise LabUnavailable(
            f"必要なものがありません: {', '.join(wanted)}。`apt-get install {' '.join(wanted)}` で入ります。"
            f" / Missing: {', '.join(wanted)}; install with `apt-get install {' '.join(wanted)}`."
        )


@contextmanager
def _only_builder(lock: Path) -> Iterator[None]:
    with lock.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _run_steps(folder: Path) -> None:
    partial = folder.with_name(folder.name + ".partial")
    archive = debian.archive_of_this_machine()
    extra = Path(f"{partial}.etc")
    _write_settings(extra, archive)
    namespaces = ("setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork", "--kill-child")
    steps = ("sh", "-c", _STEPS, "build", str(partial), debian.SUITE, archive.main, str(debian.KEYRING))
    log = folder.with_name("rootfs-build.log")
    environment = dict(os.environ)
    if archive.http_proxy:
        environment.setdefault("http_proxy", archive.http_proxy)
    with log.open("wb") as out:
        done = subprocess.run(
            [*namespaces, *steps, *PACKAGES], stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=environment,
            check=False,
        )  # fmt: skip
    if done.returncode:
        raise LabUnavailable(_failure(log))
    partial.rename(folder)
    Path(f"{partial}.bootstrapped").unlink()
    shutil.rmtree(extra)


def _write_settings(extra: Path, archive: debian.Archive) -> None:
    for name, text in {
        "dpkg/dpkg.cfg.d/lab": _DPKG,
        "apt/sources.list": archive.sources(),
        "apt/apt.conf.d/00host": "\n".join(archive.settings) + "\n",
        "apt/apt.conf.d/01lab": 'APT::Sandbox::User "root";\nAcquire::Languages "none";\n',
        "resolv.conf": Path("/etc/resolv.conf").read_text("utf-8"),
        "hosts": Path("/etc/hosts").read_text("utf-8"),
    }.items():
        target = extra / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, "utf-8")


def _failure(log: Path) -> str:
    tail = " | ".join(log.read_text("utf-8", "replace").splitlines()[-3:])
    return (
        "仮想病院用の Debian を作れませんでした。Debian のミラーに届くか確かめて、もう一度実行すると続きから始めます。"
        " / Could not build the lab's Debian. Check that a Debian mirror can be reached, then run again:"
        f" it resumes. Log: {log}. Last lines: {tail}"
    )
