# SPDX-License-Identifier: Apache-2.0
"""Source limits of a host: nftables in its own network namespace, and tcp wrappers (hosts_access(5))."""

from deploy.lab.daemons.recipe import Daemon, File, Place, Recipe

__all__ = ["Firewall", "Wrappers"]

_RULES = """table inet lab {
  chain incoming {
    type filter hook input priority 0; policy accept;
%s  }
}
"""


class Firewall(Daemon, frozen=True, kw_only=True, tag="firewall"):
    """nftables rules for what comes in, one each, as nft writes them: 'tcp dport 22 ip saddr != 10.1.1.5 drop'."""

    rules: tuple[str, ...]

    def recipe(self, place: Place) -> Recipe:
        """Return the rule set, loaded when its turn comes among the daemons."""
        file = File("/etc/lab/nftables.conf", _RULES % "".join(f"    {rule}\n" for rule in self.rules))
        return Recipe((file,), before=(("nft", "-f", file.path),))


class Wrappers(Daemon, frozen=True, kw_only=True, tag="wrappers"):
    """hosts.deny for daemons that are linked with libwrap (sshd, vsftpd with tcp_wrappers)."""

    deny: tuple[str, ...]

    def recipe(self, place: Place) -> Recipe:
        """Return the file."""
        return Recipe((File("/etc/hosts.deny", "".join(f"{line}\n" for line in self.deny)),))
