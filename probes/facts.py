# SPDX-License-Identifier: Apache-2.0
"""What was seen, as values: facts, outcomes, observations, and the JSON in which they travel.

Everything here is immutable and crosses the wire between agent and collector as UTF-8 JSON
(msgspec). An observation is one question to one address and what came of it, or one frame
heard; it is stored first and never changed.
"""

import enum
import hashlib
from collections.abc import Iterator
from datetime import datetime

import msgspec

UPLOAD_SCHEMA = "daicho/upload/1"
MOST_VALUE = 4096  # characters of one fact's value; longer text is cut when the fact is made


class Sure(enum.StrEnum):
    """How far a fact can be relied on."""

    SURE = "sure"  # the device said so itself, in a field that means exactly this
    LIKELY = "likely"  # follows from what it said, with rare exceptions
    GUESS = "guess"  # a hint


class Outcome(enum.StrEnum):
    """What came of one question. Closed: "asked, got nothing" is not "never asked"."""

    ANSWERED = "answered"
    SILENT = "silent"
    REFUSED = "refused"
    OTHER_PROTOCOL = "other_protocol"
    HELD_BACK = "held_back"  # we chose not to ask; the reason says why
    OUR_FAULT = "our_fault"  # we failed; says nothing about the device


class Technique(enum.StrEnum):
    """The ways to learn on which networks one machine stands, gentlest first."""

    HEARD = "heard"  # what it says by itself: DHCP, LLDP, mDNS, UPnP
    SNMP_ENGINE = "snmp_engine"  # SNMPv3 discovery: engine id, boots, time
    NBNS = "nbns"  # its names, then all addresses of its own name
    SMB = "smb"  # server GUID and NTLM names
    OXID = "oxid"  # ServerAlive2: every address
    SNMP_LOGIN = "snmp_login"  # interface tables with the site's credential
    SSH_KEY = "ssh_key"
    WEB = "web"  # TLS key and names, redirects: key, or an address that it lets slip
    FORWARD_TEST = "forward_test"  # one frame with TTL 1 for a test network
    SMB_INTERFACES = "smb_interfaces"  # null session: every card; off unless allowed by name
    CANDIDATE_ARP = "candidate_arp"  # does it answer for an address of the other network; off likewise
    CANDIDATE_ECHO = "candidate_echo"  # the same by one echo request with TTL 1; off likewise


class FactKind(enum.StrEnum):
    """The vocabulary. The comment gives the form of the value; every value is text."""

    # where and who
    MAC = "mac"  # aa:bb:cc:dd:ee:ff of the host that the observation is about
    ADDRESS = "address"  # an IP address that the host says or shows is its own
    NAME = "name"  # computer name, best known form
    DOMAIN = "domain"  # NetBIOS or DNS domain
    WORKGROUP = "workgroup"
    LOCATION = "location"  # a proposal for 設置場所
    # identity as the device states it in a field of its own
    MAKER = "maker"
    MODEL = "model"
    SERIAL = "serial"
    OS = "os"
    OS_VERSION = "os_version"
    FIRMWARE_VERSION = "firmware_version"
    # what speaks on the observation's port
    PORTS = "ports"  # "21 22 23": ports that all came to the observation's outcome (probe "ports")
    OPEN = "open"  # "tcp" or "udp"
    SERVICE = "service"  # protocol name: ssh, http, https, smb, rdp, …
    PRODUCT = "product"
    VERSION = "version"
    BANNER = "banner"  # first text of the service, printable, for the evidence
    # SSH
    SSH_BANNER = "ssh.banner"  # without line end: SSH-2.0-OpenSSH_9.2p1 Debian-2
    SSH_HOST_KEY = "ssh.host_key"  # "ssh-ed25519 SHA256:…"
    SSH_KEX = "ssh.kex"  # comma list as offered
    SSH_HOST_KEY_TYPES = "ssh.host_key_types"  # comma list as offered
    # TLS
    TLS_VERSION = "tls.version"  # negotiated: TLSv1.3
    TLS_OLD_ACCEPTED = "tls.old_accepted"  # TLSv1 or TLSv1.1 or SSLv3 that the server accepts
    TLS_SUBJECT = "tls.subject"  # RFC 4514 string
    TLS_ISSUER = "tls.issuer"  # RFC 4514 string
    TLS_SAN = "tls.san"  # one name or address
    TLS_NOT_AFTER = "tls.not_after"  # RFC 3339
    TLS_FINGERPRINT = "tls.fingerprint"  # SHA-256 of the DER, hex
    TLS_PUBLIC_KEY = "tls.public_key"  # SHA-256 of SubjectPublicKeyInfo, hex
    # HTTP
    HTTP_STATUS = "http.status"
    HTTP_SERVER = "http.server"
    HTTP_TITLE = "http.title"
    HTTP_COOKIE = "http.cookie"  # name=value as set
    HTTP_AUTH = "http.wwwauth"  # WWW-Authenticate value
    HTTP_LOCATION = "http.location"  # redirect target
    HTTP_BODY = "http.body"  # first 4 KiB, printable
    HTTP_LOGIN = "http.login"  # why we think that this is a login page
    HTTP_POWERED_BY = "http.powered_by"
    HTTP_FAVICON = "http.favicon"  # MD5 of the icon that the page carries or the server gives, hex
    # SNMP
    SNMP_ENGINE_ID = "snmp.engine_id"  # hex
    SNMP_ENGINE_BOOTS = "snmp.engine_boots"
    SNMP_ENGINE_TIME = "snmp.engine_time"  # seconds
    SNMP_ENTERPRISE = "snmp.enterprise"  # enterprise number inside the engine id, decimal
    SNMP_SYSDESCR = "snmp.sysDescr"
    SNMP_SYSOBJECTID = "snmp.sysObjectID"
    SNMP_SYSNAME = "snmp.sysName"
    SNMP_UPTIME = "snmp.uptime"  # hundredths of a second
    SNMP_DEFAULT_COMMUNITY = "snmp.default_community"  # one that everybody knows, and that was answered
    INTERFACE = "interface"  # "index name mac speed status", missing parts as -
    INTERFACE_ADDRESS = "interface_address"  # "index ip/prefixlen"
    FORWARDING = "forwarding"  # "yes" or "no"
    NEIGHBOUR = "neighbour"  # "ip mac": somebody else's, from this host's ARP table
    ROUTE = "route"  # "destination/prefixlen gateway"
    LLDP_NEIGHBOUR = "lldp.neighbour"  # "local-port name": who a switch says is at the other end of its cable
    SWITCH_PORT = (
        "switch_port"  # "mac port": somebody else's, behind a port of this switch where one device stands
    )
    # Windows family
    SMB_GUID = "smb.guid"  # lower-case UUID text
    SMB_DIALECT = "smb.dialect"  # 2.0.2, 2.1, 3.0, 3.0.2, 3.1.1, 1.0
    SMB_SIGNING = "smb.signing"  # required, enabled
    NTLM_BUILD = "ntlm.build"  # 10.0.17763
    NTLM_COMPUTER = "ntlm.computer"  # NetBIOS computer name
    NTLM_DNS_COMPUTER = "ntlm.dns_computer"
    NTLM_DOMAIN = "ntlm.domain"
    NTLM_DNS_DOMAIN = "ntlm.dns_domain"
    NETBIOS_NAME = "netbios.name"  # "NAME<20> unique"
    NETBIOS_MAC = "netbios.mac"
    OXID_BINDING = "oxid.binding"  # name or address as listed
    RDP_SECURITY = "rdp.security"  # rdp, tls, credssp, …
    # gateways and remote control
    IKE_VERSION = "ike.version"  # 1 or 2
    IKE_VENDOR_ID = "ike.vendor_id"  # hex
    IKE_NOTIFY = "ike.notify"  # name or number
    IKE_TRANSFORM = "ike.transform"  # chosen proposal, as text
    OPENVPN_SESSION = "openvpn.session"  # hex: it answered a client reset
    VNC_VERSION = "vnc.version"  # 003.008
    VNC_SECURITY = "vnc.security"  # none, vnc, tight, …
    REMOTE_PATH = "remote_path"  # kind as in the ledger's remote_paths
    # other services
    FTP_BANNER = "ftp.banner"
    SMTP_BANNER = "smtp.banner"
    TELNET_BANNER = "telnet.banner"  # printable text without option bytes
    DICOM_RESULT = "dicom.result"  # accepted, rejected, aborted
    DICOM_IMPLEMENTATION_UID = "dicom.implementation_uid"
    DICOM_IMPLEMENTATION_VERSION = "dicom.implementation_version"
    DNS_VERSION = "dns.version_bind"  # what the DNS server calls itself (RFC 4892)
    POSTGRES = "postgres"  # "ssl yes" or "ssl no"
    # heard without asking
    DHCP_HOSTNAME = "dhcp.hostname"
    DHCP_VENDOR_CLASS = "dhcp.vendor_class"
    DHCP_OPTIONS = "dhcp.options"  # parameter request list, comma list
    DHCP_MESSAGE = "dhcp.message"  # discover, request, offer, ack, inform, …
    DHCP_SERVER = (
        "dhcp.server"  # server identifier; in a client's request: of the server whose offer it takes
    )
    DHCP_ROUTER = "dhcp.router"
    MDNS_SERVICE = "mdns.service"  # "_ipp._tcp 631"
    MDNS_DEVICE_INFO = "mdns.device_info"  # TXT of _device-info
    MDNS_HOST = "mdns.host"
    LLDP_CHASSIS = "lldp.chassis"
    LLDP_PORT = "lldp.port"
    LLDP_SYSTEM_NAME = "lldp.system_name"
    LLDP_SYSTEM_DESCRIPTION = "lldp.system_description"
    LLDP_CAPABILITIES = "lldp.capabilities"  # comma list of enabled ones
    LLDP_MANAGEMENT = "lldp.management_address"
    CDP_DEVICE = "cdp.device"
    CDP_PLATFORM = "cdp.platform"
    CDP_VERSION = "cdp.version"
    ROUTER_ADVERTISED = "router_advertised"  # IPv6 prefix or "default"
    SSDP_SERVER = "ssdp.server"  # SERVER header of a UPnP device
    SSDP_SERVICE = "ssdp.service"  # NT or ST: urn:schemas-upnp-org:device:InternetGatewayDevice:1
    SSDP_LOCATION = "ssdp.location"  # where it describes itself
    REMOTE_NAME = "remote_name"  # a name in `remote_names.yaml` that the host asked for
    PORT_MAPPING = "port_mapping"  # a port of the router opened to this host: "UPnP tcp 33890 3389"
    HTTP_USER_AGENT = "http.user_agent"  # of the host that asks
    SIP_SERVER = "sip.server"
    SIP_USER_AGENT = "sip.user_agent"
    SMB_NATIVE_OS = "smb.native_os"  # SMB 1 session setup, either side
    SMB_NATIVE_LM = "smb.native_lm"
    # tests by the packet worker
    ICMP_REPLY = "icmp.reply"  # what came back: echo-reply, 11/0, 3/0 …
    FORWARDS = "forwards"  # "yes": passed a TTL=1 frame that was not for it
    NOT_TRIED = "not_tried"  # "technique reason": a way that was not tried on this host (probe "techniques")
    CANDIDATE = "candidate"  # an address that it was asked for through its own MAC
    # a host that is as it was (probe "confirm"): nothing but this was looked at
    CHECKED = "checked"  # "arp", "https 443 tcp", "closed 23 tcp": was asked and is as it was
    CHECKED_SINCE = "checked.since"  # RFC 3339: when it was asked all questions
    # tests of source limits (probe "access")
    ACCESS_PAIR = "access.pair"  # id that all looks of one test of one port share
    ACCESS_SOURCE = "access.source"  # as the site declared it: allowed, not_allowed, unlisted_mac
    ACCESS_FROM = "access.from"  # "ip mac how": our source; how: ordinary, existing, made_address, made_mac
    ACCESS_REACH = "access.reach"  # nothing, refused, ended, connected, spoke
    ACCESS_CONTROL = "access.control"  # "yes": shows that the source reaches anything at all


class Fact(msgspec.Struct, frozen=True, order=True):
    """One thing read from an answer."""

    kind: FactKind
    value: str
    sure: Sure = Sure.SURE


class Observation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One question to one address from one vantage, or one frame heard, and what came of it."""

    scan: str  # id of the scan
    vantage: str  # id of the vantage it was made from
    at: datetime  # with offset
    probe: str  # file name of the probe, "packets.arp", "packets.icmp", "plan" …
    address: str = ""  # IP address asked or heard; "" if only the MAC is known
    mac: str = ""  # hardware address on that link, "" if unknown
    network: str = ""  # CIDR of the network the address stands on
    port: int = 0  # 0 where ports have no meaning
    transport: str = ""  # tcp, udp, icmp, arp, nd, heard
    outcome: Outcome
    reason: str = ""  # a code for held_back and our_fault, with a sentence after ": "
    facts: tuple[Fact, ...] = ()
    transcript: str = ""  # in the recording format of probes.contract

    @property
    def id(self) -> str:
        """Content address, 32 hex digits: the same observation sent twice is one observation."""
        return hashlib.blake2b(encode(self), digest_size=16).hexdigest()

    def of(self, *kinds: FactKind) -> Iterator[str]:
        """Values of the facts of these kinds, in their order."""
        if len(kinds) == 1:  # most ask for one, and most observations have none of it
            (kind,) = kinds
            return iter([fact.value for fact in self.facts if fact.kind is kind])
        return iter([fact.value for fact in self.facts if fact.kind in kinds])


class Sent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of the journal: something we sent (or chose not to send), to whom, when and why."""

    scan: str
    vantage: str
    at: datetime
    address: str
    mac: str = ""
    action: str  # "arp request", "icmp echo", "tcp connect", "udp question", "held back" …
    port: int = 0
    transport: str = ""
    packets: int = 0  # frames that left us for this host, handshakes and acknowledgements included
    connections: int = 0
    payload_bytes: int = 0
    probe: str = ""
    why: str = ""

    @property
    def id(self) -> str:
        """Content address, 32 hex digits."""
        return hashlib.blake2b(encode(self), digest_size=16).hexdigest()


class Vantage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where we stood: one interface on one network."""

    id: str  # stable: from agent, interface MAC and network
    host: str
    interface: str
    address: str
    network: str  # CIDR
    mac: str = ""
    gateways: tuple[str, ...] = ()


class Window(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A time of the day in which an agent sends nothing; `end` before `start` reaches over midnight."""

    start: str
    end: str
    days: tuple[str, ...] = ()


class Plan(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """When an agent scans by itself, as its settings said when it wrote this down."""

    at: str = ""  # "02:00", on `days`; or every_hours, from start to start
    days: tuple[str, ...] = ()
    every_hours: float = 0.0
    time_zone: str = ""
    jitter_minutes: float = 0.0
    windows: tuple[Window, ...] = ()
    next: datetime | None = None  # start; None: there is none


class Scan(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One scan, as far as it has come."""

    id: str
    started: datetime
    ended: datetime | None = None
    scope: tuple[str, ...] = ()
    profile: str = "standard"
    state: str = "running"  # running, complete, stopped, failed
    privileged: bool = True
    planned: int = 0  # addresses in scope
    finished: int = 0  # addresses dealt with
    note: str = ""
    confirmed: int = 0  # hosts that were not asked whole, because all that was checked was as before
    whole_since: datetime | None = None  # the oldest whole asking that these stand on
    left_out: tuple[str, ...] = ()  # entries of the never-list inside the scope: left alone on purpose
    plan: Plan | None = None  # of the agent that scans by itself
    outside: tuple[str, ...] = ()  # ids of the observations of the address outside (probe "outside")


class Upload(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One batch from an agent's spool."""

    schema: str = UPLOAD_SCHEMA
    agent: str = ""
    scans: tuple[Scan, ...] = ()
    vantages: tuple[Vantage, ...] = ()
    observations: tuple[Observation, ...] = ()
    sent: tuple[Sent, ...] = ()


_encoder = msgspec.json.Encoder(order="deterministic")


def encode(value: object) -> bytes:
    """Give the deterministic JSON bytes of any struct of this module."""
    return _encoder.encode(value)


# made here, by one thread: where two threads meet a type of msgspec's for the first time, the process may crash
_uploads = msgspec.json.Decoder(Upload)


def decode_upload(data: bytes) -> Upload:
    """Read a batch; raises msgspec.ValidationError or msgspec.DecodeError on anything else."""
    return _uploads.decode(data)


def printable(text: str, most: int = MOST_VALUE) -> str:
    """Make hostile text safe to carry: control and bidi characters become U+FFFD, length is cut."""
    kept = text[:most]
    if kept.isascii() and kept.isprintable():
        return kept
    return "".join(c if c in " \u3000" or (c.isprintable() and not _is_bidi(c)) else "\ufffd" for c in kept)


def _is_bidi(char: str) -> bool:
    return "\u202a" <= char <= "\u202e" or "\u2066" <= char <= "\u2069" or char in "\u200e\u200f\u061c"


def fact(kind: FactKind, value: str | int, sure: Sure = Sure.SURE) -> Fact:
    """Make a fact from hostile text: cleaned by `printable`, surrounding blanks removed."""
    return Fact(kind, printable(str(value)).strip(), sure)


def signing_input(method: str, path: str, time: str, sequence: int, body: bytes) -> bytes:
    """Bytes that an agent signs with Ed25519 for one upload (time is RFC 3339, path without host)."""
    digest = hashlib.sha256(body).hexdigest()
    return f"daicho/1\n{method}\n{path}\n{time}\n{sequence}\n{digest}".encode()
