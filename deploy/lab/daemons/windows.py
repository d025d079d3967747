# SPDX-License-Identifier: Apache-2.0
"""What a Windows PC or file server shows, by real daemons: Samba, xrdp, VNC."""

from typing import Literal

from deploy.lab.daemons.keys import certificate
from deploy.lab.daemons.recipe import Daemon, File, Place, Recipe, tcp, udp

__all__ = ["Samba", "Vnc", "Xrdp"]

_VNC_PASSWORD = bytes.fromhex("dbd83cfd727a1458")  # "password", as vncpasswd writes it


class Samba(Daemon, frozen=True, kw_only=True, tag="samba"):
    """smbd, and nmbd unless `netbios` is off; nmbd tells every address of the host to who asks by name."""

    name: str = ""
    workgroup: str = "HOSPITAL"
    comment: str = ""
    netbios: bool = True

    def recipe(self, place: Place) -> Recipe:
        """Return both daemons on every interface of the host."""
        config = File("/etc/samba/smb.conf", self._config(place))
        make = (("mkdir", "-p", "/run/samba", "/var/lib/samba/private", "/var/cache/samba"),)
        smbd = ("smbd", "-F", "--no-process-group", "-s", config.path)
        nmbd = ("nmbd", "-F", "--no-process-group", "-s", config.path)
        commands = (smbd, nmbd) if self.netbios else (smbd,)
        ports = tcp(139, 445) + (udp(137, 138) if self.netbios else ())
        return Recipe((config,), make, commands, ready=ports)

    def _config(self, place: Place) -> str:
        lines = [
            f"workgroup = {self.workgroup}",
            f"netbios name = {(self.name or place.host).upper()[:15]}",
            f"server string = {self.comment or place.host}",
            f"interfaces = lo {' '.join(place.interfaces) or 'eth0'}",
            "server role = standalone server",
            "local master = no",
            "domain master = no",
            "dns proxy = no",
            "load printers = no",
            "disable spoolss = yes",
            "map to guest = never",
        ]
        return "[global]\n" + "".join(f"  {line}\n" for line in lines)


class Xrdp(Daemon, frozen=True, kw_only=True, tag="xrdp"):
    """xrdp without a session manager: negotiates, shows its certificate, logs nobody in."""

    port: int = 3389
    security: Literal["negotiate", "rdp", "tls"] = "negotiate"
    name: str = ""

    def recipe(self, place: Place) -> Recipe:
        """Return xrdp in the foreground with a certificate of its own."""
        pair = certificate(self.name or place.host, "Self-Signed", (), use_rsa=True)
        text = (
            f"[Globals]\nini_version=1\nfork=true\nport={self.port}\nsecurity_layer={self.security}\n"
            "crypt_level=high\ncertificate=/etc/xrdp/cert.pem\nkey_file=/etc/xrdp/key.pem\n"
            "ssl_protocols=TLSv1.2, TLSv1.3\nautorun=\n\n[Xorg]\nname=Xorg\nlib=libxup.so\nip=127.0.0.1\n"
        )
        files = (
            File("/etc/xrdp/xrdp.ini", text),
            File("/etc/xrdp/cert.pem", pair.certificate),
            File("/etc/xrdp/key.pem", pair.key, 0o600),
        )
        make = (("mkdir", "-p", "/run/xrdp"),)
        return Recipe(files, make, (("xrdp", "--nodaemon"),), ready=tcp(self.port))


class Vnc(Daemon, frozen=True, kw_only=True, tag="vnc"):
    """TigerVNC's X server; `password` false means anybody may come in (security type None)."""

    port: int = 5900
    password: bool = True
    desktop: str = ""

    def recipe(self, place: Place) -> Recipe:
        """Return Xvnc on a small screen."""
        secret = File("/etc/vncpasswd", _VNC_PASSWORD, 0o600)
        security = ("-SecurityTypes", "VncAuth" if self.password else "None", "-rfbauth", secret.path)
        screen = ("-geometry", "640x480", "-depth", "16", "-desktop", self.desktop or place.host)
        command = ("Xvnc", ":1", "-rfbport", str(self.port), *security, *screen, "-nolisten", "unix")
        return Recipe((secret,), commands=(command,), ready=tcp(self.port))
