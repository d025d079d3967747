# SPDX-License-Identifier: Apache-2.0
"""Source limits of a host: nftables in its own network namespace, and tcp wrappers (hosts_access(5))."""

import msgspec

from deploy.lab.daemons.recipe import Daemon, File, Place, Recipe

__all__ = ["Firewall", "Masquerade", "Wrappers"]

_RULES = """table inet lab {
  chain incoming {
    type filter hook input priority 0; policy accept;
%s  }
}
"""
_NAT = """table ip labnat {
  chain into {
    type nat hook prerouting priority -100; policy accept;
%s  }
  chain out {
    type nat hook postrouting priority 100; policy accept;
    oifname "%s" masquerade
  }
}
"""


class Firewall(Daemon, frozen=True, kw_only=True, tag="firewall"):
    """nftables rules for what comes in, one each, as nft writes them: 'tcp dport 22 ip saddr != 10.1.1.5 drop'."""

    rules: tuple[str, ...]

    def recipe(self, place: Place) -> Recipe:
        """Return the rule set, loaded when its turn comes among the daemons."""
        file = File("/etc/lab/nftables.conf", _RULES % "".join(f"    {rule}\n" for rule in self.rules))
        return Recipe((file,), before=(("nft", "-f", file.path),))


class Masquerade(Daemon, frozen=True, kw_only=True, tag="masquerade"):
    """A NAT router: what leaves by `out` gets its address; `ports` are let in from there ('8445' → '10.0.0.5:445')."""

    out: str = "eth0"
    ports: dict[str, str] = msgspec.field(default_factory=dict)

    def recipe(self, place: Place) -> Recipe:
        """Return the rules, loaded when their turn comes."""
        into = "".join(
            f'    iifname "{self.out}" tcp dport {port} dnat ip to {to}\n' for port, to in self.ports.items()
        )
        text = _NAT % (into, self.out)
        file = File("/etc/lab/nat.conf", text)
        return Recipe((file,), before=(("nft", "-f", file.path),))


class Wrappers(Daemon, frozen=True, kw_only=True, tag="wrappers"):
    """hosts.deny for daemons that are linked with libwrap (sshd, vsftpd with tcp_wrappers)."""

    deny: tuple[str, ...]

    def recipe(self, place: Place) -> Recipe:
        """Return the file."""
        return Recipe((File("/etc/hosts.deny", "".join(f"{line}\n" for line in self.deny)),))
