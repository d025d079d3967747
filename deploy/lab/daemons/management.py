# SPDX-License-Identifier: Apache-2.0
"""What network gear says about itself: snmpd with any face, LLDP and CDP, mDNS, DHCP and DNS."""

from typing import Literal

import msgspec

from deploy.lab.daemons.recipe import Daemon, File, Place, Recipe, udp

__all__ = ["Avahi", "Dnsmasq", "Lldpd", "SnmpUser", "Snmpd"]

_FACE = (".1.3.6.1.2.1.1", ".1.3.6.1.2.1.2", ".1.3.6.1.2.1.4", ".1.3.6.1.2.1.31.1.1")


class SnmpUser(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An SNMPv3 user with authentication and privacy."""

    name: str
    auth: Literal["SHA", "SHA-256", "MD5"] = "SHA"
    auth_password: str
    priv: Literal["AES", "DES"] = "AES"
    priv_password: str


class Snmpd(Daemon, frozen=True, kw_only=True, tag="snmpd"):
    """snmpd with the face of a product, the kernel's real IF-MIB and IP-MIB, and `values` on top.

    `values` maps an OID to 'type value' with the types of snmpd.conf(5) override: octet_str, integer, object_id.
    """

    description: str = ""
    object_id: str = ""
    name: str = ""
    location: str = ""
    contact: str = ""
    community: str = ""
    users: tuple[SnmpUser, ...] = ()
    engine: str = ""  # engine ID in hex; "": made of the first card's MAC
    boots: int = 0  # how often this engine was started before
    values: dict[str, str] = msgspec.field(default_factory=dict)

    def recipe(self, place: Place) -> Recipe:
        """Return snmpd in the foreground with its engine ID made from the host's MAC."""
        config = File("/etc/snmp/lab.conf", "\n".join(self._config(place)) + "\n", 0o600)
        users = "".join(
            f'createUser {user.name} {user.auth} "{user.auth_password}" {user.priv} "{user.priv_password}"\n'
            for user in self.users
        )
        past = f"engineBoots {self.boots}\n" if self.boots else ""
        past += f"oldEngineID 0x{self.engine}\n" if self.engine else ""
        secrets = File("/var/lib/snmp/snmpd.conf", users + past, 0o600)
        command = (
            "snmpd",
            "-f",
            "-Lo",
            "-I",
            "-smux",
            "-C",
            "-c",
            f"{config.path},{secrets.path}",
            "udp:161",
        )
        return Recipe((config, secrets), commands=(command,), ready=udp(161))

    def _config(self, place: Place) -> list[str]:
        lines = [f"sysName {self.name or place.host}", *self._engine()]
        lines += [f"sysDescr {self.description}"] if self.description else []
        lines += [f"sysObjectID {self.object_id}"] if self.object_id else []
        lines += [f"sysLocation {self.location}"] if self.location else []
        lines += [f"sysContact {self.contact}"] if self.contact else []
        lines += [f"view face included {oid}" for oid in (*_FACE, *self._extra_views())]
        lines += [f"rocommunity {self.community} default -V face"] if self.community else []
        lines += [f"rouser {user.name} priv -V face" for user in self.users]
        return lines + [f"override {oid} {value}" for oid, value in self.values.items()]

    def _engine(self) -> tuple[str, ...]:
        return (f"exactEngineID 0x{self.engine}",) if self.engine else ("engineIDType 3", "engineIDNic eth0")

    def _extra_views(self) -> list[str]:
        return ["." + oid.strip(".") for oid in self.values]


class Lldpd(Daemon, frozen=True, kw_only=True, tag="lldpd"):
    """lldpd that speaks LLDP, and CDP too if asked, every ten seconds."""

    description: str
    platform: str = "Linux"
    cdp: bool = False

    def recipe(self, place: Place) -> Recipe:
        """Return lldpd in the foreground; there is no port to wait for."""
        config = File("/etc/lldpd.d/lab.conf", "configure lldp tx-interval 10\nconfigure lldp tx-hold 4\n")
        make = (("mkdir", "-p", "/run/lldpd"), ("chown", "_lldpd:", "/run/lldpd"))
        command = ["lldpd", "-d", "-S", self.description, "-P", self.platform, "-k"]
        command += ["-ccccc"] if self.cdp else []
        return Recipe((config,), make, (tuple(command),))


class Avahi(Daemon, frozen=True, kw_only=True, tag="avahi"):
    """avahi-daemon announcing services: each is 'type port key=value key=value'."""

    services: tuple[str, ...] = ()

    def recipe(self, place: Place) -> Recipe:
        """Return avahi-daemon in the foreground, without D-Bus."""
        config = File(
            "/etc/avahi/lab.conf",
            f"[server]\nhost-name={place.host}\nuse-ipv6=no\nenable-dbus=no\n[publish]\npublish-workstation=no\n"
            "publish-hinfo=no\n",
        )
        files = [
            File(f"/etc/avahi/services/{n}.service", _service(text)) for n, text in enumerate(self.services)
        ]
        make = (("mkdir", "-p", "/run/avahi-daemon"), ("chown", "avahi:", "/run/avahi-daemon"))
        command = ("avahi-daemon", "--no-rlimits", "--no-chroot", "-f", config.path)
        return Recipe((config, *files), make, (command,), ready=udp(5353))


class Dnsmasq(Daemon, frozen=True, kw_only=True, tag="dnsmasq"):
    """dnsmasq: DNS for names given here, and DHCP leases fixed by MAC ('mac' → 'ip')."""

    domain: str = "hospital.example"
    names: dict[str, str] = msgspec.field(default_factory=dict)
    leases: dict[str, str] = msgspec.field(default_factory=dict)
    router: str = ""

    def recipe(self, place: Place) -> Recipe:
        """Return dnsmasq in the foreground; it knows no upstream server."""
        lines = ["no-resolv", "no-hosts", f"domain={self.domain}", f"local=/{self.domain}/", "user=root"]
        lines += [f"address=/{name}.{self.domain}/{ip}" for name, ip in self.names.items()]
        lines += [f"dhcp-host={mac},{ip}" for mac, ip in self.leases.items()]
        if self.leases:
            network = next(iter(self.leases.values())).rsplit(".", 1)[0]
            lines += [
                f"dhcp-range={network}.0,static,12h",
                "dhcp-authoritative",
                "dhcp-leasefile=/run/leases",
            ]
        lines += [f"dhcp-option=option:router,{self.router}"] if self.router else []
        config = File("/etc/dnsmasq.lab.conf", "\n".join(lines) + "\n")
        ports = udp(53, 67) if self.leases else udp(53)
        return Recipe((config,), commands=(("dnsmasq", "-k", "-C", config.path),), ready=ports)


def _service(text: str) -> str:
    kind, port, *records = text.split()
    entries = "".join(f"<txt-record>{record}</txt-record>" for record in records)
    return (
        '<?xml version="1.0"?><!DOCTYPE service-group SYSTEM "avahi-service.dtd"><service-group>'
        f'<name replace-wildcards="yes">%h</name><service><type>{kind}</type><port>{port}</port>'
        f"{entries}</service></service-group>\n"
    )
