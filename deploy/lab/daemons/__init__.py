# SPDX-License-Identifier: Apache-2.0
"""Every daemon a layout can name; `AnyDaemon` is the tagged union that reads them."""

from deploy.lab.daemons.departments import Cups, Dicom, Postgres
from deploy.lab.daemons.limits import Firewall, Masquerade, Wrappers
from deploy.lab.daemons.management import Avahi, Dnsmasq, Lldpd, Snmpd
from deploy.lab.daemons.oxid import Oxid
from deploy.lab.daemons.recipe import Daemon, File, Place, Port, Recipe
from deploy.lab.daemons.stubs import Igd, Recorder, Tarpit, recording
from deploy.lab.daemons.terminal import Dropbear, Openssh, Telnetd, Vsftpd
from deploy.lab.daemons.vpn import Openvpn, Softether, Strongswan
from deploy.lab.daemons.web import Lighttpd, Nginx
from deploy.lab.daemons.windows import Samba, Vnc, Xrdp

__all__ = ["AnyDaemon", "Daemon", "File", "Place", "Port", "Recipe", "recording"]

AnyDaemon = (
    Avahi | Cups | Dicom | Dnsmasq | Dropbear | Firewall | Igd | Lighttpd | Lldpd
    | Masquerade | Nginx | Openssh | Openvpn | Oxid | Postgres
    | Recorder | Samba | Snmpd | Softether | Strongswan | Tarpit | Telnetd | Vnc | Vsftpd | Wrappers | Xrdp
)  # fmt: skip
