# SPDX-License-Identifier: Apache-2.0
"""Ways in from outside: strongSwan (IKEv2 and IKEv1), OpenVPN, SoftEther."""

from typing import Literal

from deploy.lab.daemons.keys import certificate
from deploy.lab.daemons.recipe import Daemon, File, Place, Recipe, tcp, udp

__all__ = ["Openvpn", "Softether", "Strongswan"]

_CONNECTION = """conn {name}
  keyexchange={name}
  left=%any
  leftid={host}
  right=%any
  authby=secret
  ike=aes256-sha256-modp2048,aes128-sha1-modp2048,aes128-sha1-modp1024,3des-sha1-modp1024!
  auto=add
"""


class Strongswan(Daemon, frozen=True, kw_only=True, tag="strongswan"):
    """charon with PSK connections for anybody; without ESP in the kernel it answers IKE and no more."""

    versions: tuple[Literal["ikev1", "ikev2"], ...] = ("ikev2", "ikev1")

    def recipe(self, place: Place) -> Recipe:
        """Return the starter in the foreground."""
        connections = "".join(_CONNECTION.format(name=version, host=place.host) for version in self.versions)
        files = (
            File("/etc/ipsec.conf", "config setup\n  uniqueids=no\n" + connections),
            File("/etc/ipsec.secrets", f': PSK "lab-only-{place.host}"\n', 0o600),
            File("/etc/strongswan.d/lab.conf", "charon { install_routes = no\n install_virtual_ip = no }\n"),
        )
        return Recipe(files, commands=(("ipsec", "start", "--nofork"),), ready=udp(500, 4500))


class Openvpn(Daemon, frozen=True, kw_only=True, tag="openvpn"):
    """A TLS server on UDP or TCP; with `tls_auth` it stays silent to strangers, as it should."""

    port: int = 1194
    transport: Literal["udp", "tcp"] = "udp"
    tls_auth: bool = False

    def recipe(self, place: Place) -> Recipe:
        """Return openvpn in the foreground, without any address on its tunnel."""
        folder = f"/etc/openvpn/lab{self.port}{self.transport}"
        pair = certificate(place.host, "OpenVPN", (), use_rsa=False)
        files = (File(f"{folder}/key.pem", pair.key, 0o600), File(f"{folder}/cert.pem", pair.certificate))
        protocol = "tcp-server" if self.transport == "tcp" else "udp"
        command = [
            "openvpn",
            "--mode",
            "server",
            "--tls-server",
            "--dev",
            "tun",
            "--ifconfig-noexec",
            "--proto",
            protocol,
        ]
        command += ["--port", str(self.port), "--dh", "none", "--key", f"{folder}/key.pem"]
        command += ["--ca", f"{folder}/cert.pem", "--cert", f"{folder}/cert.pem"]
        command += ["--tls-auth", f"{folder}/ta.key"] if self.tls_auth else []
        make = (("openvpn", "--genkey", "tls-auth", f"{folder}/ta.key"),) if self.tls_auth else ()
        ports = tcp(self.port) if self.transport == "tcp" else udp(self.port)
        return Recipe(files, make, (tuple(command),), ready=ports)


_SOFTETHER = """declare root
{
	uint ConfigRevision 1
	declare DDnsClient
	{
		bool Disabled true
	}
	declare ListenerList
	{
LISTENERS	}
	declare ServerConfiguration
	{
		bool DisableNatTraversal true
		bool DisableDeadListenerCheck true
		bool NoSendSignature true
		bool UseKeepConnect false
	}
}
"""


class Softether(Daemon, frozen=True, kw_only=True, tag="softether"):
    """SoftEther VPN Server with its usual listeners; dynamic DNS and NAT traversal are off."""

    ports: tuple[int, ...] = (443, 992, 1194, 5555)

    def recipe(self, place: Place) -> Recipe:
        """Return vpnserver in the foreground."""
        listener = (
            "\t\tdeclare Listener{n}\n\t\t{{\n\t\t\tbool Enabled true\n\t\t\tuint Port {port}\n\t\t}}\n"
        )
        listeners = "".join(listener.format(n=n, port=port) for n, port in enumerate(self.ports))
        config = File(
            "/var/lib/softether/vpn_server.config", _SOFTETHER.replace("LISTENERS", listeners), 0o600
        )
        make = (("mkdir", "-p", "/run/softether", "/var/log/softether", "/var/lib/softether"),)
        command = ("/usr/libexec/softether/vpnserver/vpnserver", "execsvc")
        return Recipe((config,), make, (command,), ready=tcp(*self.ports))
