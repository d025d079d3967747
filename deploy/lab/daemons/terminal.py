# SPDX-License-Identifier: Apache-2.0
"""Terminals and file transfer: OpenSSH, Dropbear, telnetd, vsftpd."""

from typing import Literal

from deploy.lab.daemons.keys import ssh_host_key
from deploy.lab.daemons.recipe import Daemon, File, Place, Recipe, tcp

__all__ = ["Dropbear", "Openssh", "Telnetd", "Vsftpd"]

_OLD_SSH = """KexAlgorithms diffie-hellman-group1-sha1,diffie-hellman-group14-sha1
HostKeyAlgorithms ssh-rsa
Ciphers aes128-cbc,3des-cbc
MACs hmac-sha1,hmac-md5
"""


class Openssh(Daemon, frozen=True, kw_only=True, tag="openssh"):
    """sshd; `old` offers only what a device of 2008 offers; `identity` makes two hosts share a host key."""

    port: int = 22
    old: bool = False
    keys: tuple[Literal["ed25519", "rsa", "ecdsa"], ...] = ("ed25519",)
    debian_banner: bool = True
    addendum: str = ""
    identity: str = ""

    def recipe(self, place: Place) -> Recipe:
        """Return sshd in the foreground with host keys of its own."""
        folder = f"/etc/ssh/lab{self.port}"
        kinds = ("rsa",) if self.old else self.keys
        seed = self.identity or place.seed
        keys = tuple(File(f"{folder}/{kind}", ssh_host_key(kind, seed), 0o600) for kind in kinds)
        lines = [f"Port {self.port}", "UsePAM no", "PidFile none", "UseDNS no"]
        lines += [f"HostKey {folder}/{kind}" for kind in kinds]
        lines += [f"DebianBanner {'yes' if self.debian_banner else 'no'}"]
        lines += [f"VersionAddendum {self.addendum}"] if self.addendum else []
        text = "\n".join(lines) + "\n" + (_OLD_SSH if self.old else "")
        config = File(f"{folder}/sshd_config", text)
        command = ("/usr/sbin/sshd", "-D", "-e", "-f", config.path)
        return Recipe((*keys, config), (("mkdir", "-p", "/run/sshd"),), (command,), ready=tcp(self.port))


class Dropbear(Daemon, frozen=True, kw_only=True, tag="dropbear"):
    """dropbear, as embedded devices carry it."""

    port: int = 22
    key: Literal["ed25519", "rsa", "ecdsa"] = "ed25519"

    def recipe(self, place: Place) -> Recipe:
        """Return dropbear in the foreground with one fresh host key."""
        path = f"/etc/dropbear/lab{self.port}"
        make = (("mkdir", "-p", "/etc/dropbear"), ("dropbearkey", "-t", self.key, "-f", path))
        command = ("dropbear", "-F", "-E", "-r", path, "-p", str(self.port))
        return Recipe(before=make, commands=(command,), ready=tcp(self.port))


class Telnetd(Daemon, frozen=True, kw_only=True, tag="telnetd"):
    """inetutils telnetd behind socat; after negotiation it shows `face` and asks for a password forever."""

    face: str
    prompt: str = "login: "
    port: int = 23

    def recipe(self, place: Place) -> Recipe:
        """Return one telnetd per connection, with a login program that never lets anybody in."""
        program = f"#!/bin/sh\ncat /etc/lab/face\nwhile printf '%s' '{self.prompt}' && read -r _; do sleep 1; done\n"
        files = (File("/etc/lab/face", self.face + "\n"), File("/etc/lab/login", program, 0o755))
        serve = "EXEC:/usr/sbin/telnetd -h -E /etc/lab/login,nofork"
        command = ("socat", f"TCP-LISTEN:{self.port},fork,reuseaddr,max-children=8", serve)
        return Recipe(files, commands=(command,), ready=tcp(self.port))


class Vsftpd(Daemon, frozen=True, kw_only=True, tag="vsftpd"):
    """vsftpd with the greeting of some product; nobody can log in."""

    greeting: str = ""
    port: int = 21

    def recipe(self, place: Place) -> Recipe:
        """Return vsftpd in the foreground."""
        lines = ["listen=YES", "background=NO", f"listen_port={self.port}", "seccomp_sandbox=NO"]
        lines += ["anonymous_enable=NO", "local_enable=YES", "secure_chroot_dir=/run/vsftpd/empty"]
        lines += [f"ftpd_banner={self.greeting}"] if self.greeting else []
        config = File("/etc/vsftpd.lab.conf", "\n".join(lines) + "\n", 0o600)
        make = (("mkdir", "-p", "/run/vsftpd/empty"),)
        return Recipe((config,), make, (("vsftpd", config.path),), ready=tcp(self.port))
