# SPDX-License-Identifier: Apache-2.0
"""What people state, as values: answers, vendors, remote paths, approvals and the rest of what no scan can see.

Each kind is one struct with a `key`: stating the same key again replaces what was said before, and the
history keeps both. A statement is somebody's word with a name and a date, never evidence by itself:
the rules decide what it is worth. Dates are local days (datetime.date), networks are CIDR texts.
"""

from datetime import date
from hashlib import blake2b
from typing import ClassVar

import msgspec

YES, NO, NOT_APPLICABLE = "はい", "いいえ", "対象外"  # the words of the form


class Statement(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One thing that a person states about the facility; subclasses name their kind and key."""

    KIND: ClassVar[str] = ""

    @property
    def key(self) -> str:
        """What this statement is about; a later statement of the same key replaces it."""
        return ""


class Facility(Statement, frozen=True, kw_only=True, omit_defaults=True):
    """The facility itself."""

    KIND = "facility"
    name: str
    form: str = "hospital"  # hospital or pharmacy
    has_system: bool | None = None  # item 0: 医療情報システムを導入、運用している
    has_vendor_contract: bool | None = None  # False: 2-(2) and 2-(3) need no answer
    networks: tuple[str, ...] = ()  # every network that belongs to the medical information systems
    zone: str = "Asia/Tokyo"


class Vendor(Statement, frozen=True, kw_only=True, omit_defaults=True):
    """One 事業者 with its contract; one 事業者確認用 sheet each."""

    KIND = "vendor"
    id: str  # short and stable, chosen by the facility
    name: str
    contract: bool = True  # a direct contract with the facility
    contract_until: date | None = None
    systems: tuple[str, ...] = ()  # what it supplies: 電子カルテ, PACS …
    contact: str = ""
    devices: tuple[str, ...] = ()  # device ids in its care
    excluded: tuple[str, ...] = ()  # item keys "server/2-7" that its contract leaves out (対象外)

    @property
    def key(self) -> str:
        """The vendor's id."""
        return self.id


class Answer(Statement, frozen=True, kw_only=True, omit_defaults=True):
    """はい, いいえ or 対象外 for one item, by a person, in round 1 or 2."""

    KIND = "answer"
    edition: str
    sheet: str
    target: str  # organisation, all, server, pc, network
    number: str  # "2-7"
    vendor: str = ""  # vendor id on a 事業者確認用 sheet
    round: int = 1
    answer: str  # YES, NO or NOT_APPLICABLE
    on: date
    target_date: date | None = None  # 目標日, needed when いいえ in round 1
    remark: str = ""
    attachments: tuple[str, ...] = ()  # ids in inventory_db.attachments
    valid_until: date | None = None  # of the evidence; a reminder comes before it

    @property
    def key(self) -> str:
        """Edition, sheet, vendor, target, number and round."""
        return "/".join((self.edition, self.sheet, self.vendor, self.target, self.number, str(self.round)))


class RemoteAccess(Statement, frozen=True, kw_only=True, omit_defaults=True):
    """One declared remote-maintenance path (item 2-(2), training slides)."""

    KIND = "remote_access"
    id: str
    vendor: str = ""  # vendor id
    device: str = ""  # device id; "" if it stands in no ledger (a SIM router that nobody scanned)
    means: str = ""  # kind as in the ledger's remote_paths: ssl_vpn, ipsec, rdp, mobile_router …
    product: str = ""
    port: int = 0
    sources: tuple[str, ...] = ()  # networks it comes from
    where: str = ""  # 接続元拠点
    authentication: str = ""
    ids: str = ""  # 個人 or 共用
    terminal_safety: str = ""
    timing: str = ""  # when, and whether it is announced
    purpose: str = ""
    started: date | None = None

    @property
    def key(self) -> str:
        """The path's id."""
        return self.id


class DeclaredDual(Statement, frozen=True, kw_only=True, omit_defaults=True):
    """A device that stands on two networks on purpose: オンライン資格確認端末, lab analyser … (items 2-(1), 2-(2))."""

    KIND = "dual_homed"
    device: str  # device id
    networks: tuple[str, ...] = ()  # that it may stand on; none given: those it is found on
    purpose: str
    approver: str
    on: date  # day of the approval
    review_by: date  # day by which somebody looks at it again
    remark: str = ""

    @property
    def key(self) -> str:
        """The device."""
        return self.device


class Confirmation(Statement, frozen=True, kw_only=True, omit_defaults=True):
    """What a vendor says of one remote path, with evidence and how long it holds."""

    KIND = "confirmation"
    vendor: str
    path: str  # RemoteAccess.id, or "found:DEVICE/KIND/PORT[/PRODUCT]" for one that was found
    state: str  # confirmed, corrected, denied, none_in_use
    by: str  # name of the person at the vendor
    on: date
    evidence: str = ""  # what it rests on, in words; "" is a claim without evidence
    attachments: tuple[str, ...] = ()
    correction: str = ""
    valid_until: date | None = None
    users: str = ""  # who connects: names or a department
    sources: tuple[str, ...] = ()  # networks it comes from
    where: str = ""  # 接続元拠点
    means: str = ""  # kind as in the ledger's remote_paths, where it is corrected
    product: str = ""
    restriction: str = ""  # how it is kept to those sources
    authentication: str = ""
    ids: str = ""  # 個人 or 共用
    terminal_safety: str = ""
    timing: str = ""  # when, and whether it is announced
    purpose: str = ""

    @property
    def key(self) -> str:
        """Vendor and path."""
        return f"{self.vendor}/{self.path}"


class Approval(Statement, frozen=True, kw_only=True, omit_defaults=True):
    """An open service that is meant to be there, with reason and end (item 2-(9))."""

    KIND = "approval"
    device: str  # device id
    port: int
    transport: str = "tcp"
    service: str = ""
    reason: str
    approver: str
    until: date

    @property
    def key(self) -> str:
        """Device, transport and port."""
        return f"{self.device}/{self.transport}/{self.port}"


class Assignment(Statement, frozen=True, kw_only=True, omit_defaults=True):
    """Who sees to one finding, and by when; it says nothing of whether the finding is right."""

    KIND = "assignment"
    code: str  # of the finding, as /findings and the API have it; what it is about follows
    device: str = ""  # device id
    port: int = 0
    transport: str = ""
    about: str = ""  # what else tells it apart: an advisory, a vendor, a place
    assignee: str = ""  # name of a person, a vendor, or any words; "" leaves that open
    target_date: date | None = None  # 目標日

    @property
    def key(self) -> str:
        """The finding."""
        return "/".join((self.code, self.device, self.transport, str(self.port or ""), self.about))


class AllowedSources(Statement, frozen=True, kw_only=True, omit_defaults=True):
    """From which networks one service of one device may be reached (item 2-(8))."""

    KIND = "allowed_sources"
    device: str
    port: int
    transport: str = "tcp"
    networks: tuple[str, ...]

    @property
    def key(self) -> str:
        """Device, transport and port."""
        return f"{self.device}/{self.transport}/{self.port}"


class AccessLimit(Statement, frozen=True, kw_only=True, omit_defaults=True):
    """Whether MAC addresses or wireless stations are limited at one place (item 2-(8), manual's reading)."""

    KIND = "access_limit"
    place: str  # SSID, switch or floor
    limited: bool
    how: str = ""  # MAC list, IEEE 802.1X …
    by: str
    on: date
    attachments: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The place."""
        return self.place


class Mitigation(Statement, frozen=True, kw_only=True, omit_defaults=True):
    """A vendor says that a known weakness is dealt with otherwise on this device."""

    KIND = "mitigation"
    device: str
    advisory: str  # CVE-…, JVNDB-…, or "eol:PRODUCT/CYCLE"
    vendor: str
    says: str
    by: str
    on: date
    until: date | None = None
    attachments: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Device and advisory."""
        return f"{self.device}/{self.advisory}"


class CloudService(Statement, frozen=True, kw_only=True, omit_defaults=True):
    """One row of the cloud-service ledger, in the form's eight columns."""

    KIND = "cloud_service"
    id: str
    provider: str  # サービス提供事業者
    service: str  # サービス名称/用途
    domain: str = ""  # ドメイン/アドレス
    path: str = ""  # 利用場所/アクセス経路
    users: str = ""  # 利用者/グループ
    authentication: str = ""  # 利用者認証方法
    since: str = ""  # 利用開始日
    state: str = ""  # 利用状況

    @property
    def key(self) -> str:
        """The row's id."""
        return self.id


class Review(Statement, frozen=True, kw_only=True, omit_defaults=True):
    """An executive's periodic review: of the ledger, the remote paths, the access logs …"""

    KIND = "review"
    subject: str  # ledger, remote_access, access_log
    by: str
    role: str = ""
    on: date
    remark: str = ""
    attachments: tuple[str, ...] = ()
    next_due: date | None = None

    @property
    def key(self) -> str:
        """Subject and day, so that every review stays."""
        return f"{self.subject}/{self.on.isoformat()}"


class DeviceDetail(Statement, frozen=True, kw_only=True, omit_defaults=True):
    """What the BCP's lists ask of one device and no scan can see (BCP 確認表 1-1)."""

    KIND = "device_detail"
    device: str  # device id
    use: str = ""  # 使用用途
    patched: str = ""  # 脆弱性対応状況, in words
    antivirus: str = ""  # ウイルス対策ソフトの稼働状況, in words
    admin_logon: bool | None = None  # people log on to it with an administrator's rights
    managed_by: str = ""  # 管理主体: 医療機関, 事業者, or a name

    @property
    def key(self) -> str:
        """The device."""
        return self.device


class ListedDevice(Statement, frozen=True, kw_only=True, omit_defaults=True):
    """A row of the facility's own ledger, as imported; it stays also when no scan sees it."""

    KIND = "listed_device"
    id: str  # stable across imports
    cells: dict[str, str]  # official column (or one of listed.OTHER_COLUMNS, or their own) → text as it stood
    ledger: str = ""  # which of the facility's ledgers; one left out of another ledger's import is not gone
    device: str = ""  # id of the device found by a scan, "" if none is the same
    matched_by: str = ""  # ip, mac, name, serial … why it is the same
    source: str = ""  # file name and sheet
    row: int = 0  # row number there, from 1
    present: bool = True  # False: it left the facility's ledger on purpose (廃棄)
    reason: str = ""  # why it left

    @property
    def key(self) -> str:
        """The row's id."""
        return self.id


class StockTake(Statement, frozen=True, kw_only=True, omit_defaults=True):
    """棚卸し: somebody went where a device should stand and looked; the newest word counts, every one is kept."""

    KIND = "stock_take"
    item: str  # id of the device, or of the row of the facility's own ledger
    found: str  # yes, no or unknown
    on: date
    place: str = ""  # where they looked

    @property
    def key(self) -> str:
        """The device or row."""
        return self.item


class SameDevice(Statement, frozen=True, kw_only=True, omit_defaults=True):
    """Two devices are one, or are not, whatever they show; each by handles of its parts (inventory_db.parts)."""

    KIND = "same_device"
    one: tuple[str, ...]  # handles of the one
    other: tuple[str, ...]  # of the other; which is which does not matter
    same: bool
    reason: str
    on: date

    @property
    def key(self) -> str:
        """A word for the two, in whatever order they and their parts are named."""
        sides = sorted("\n".join(sorted(set(side))) for side in (self.one, self.other))
        return blake2b("\n\n".join(sides).encode(), digest_size=16).hexdigest()


class ColumnMapping(Statement, frozen=True, kw_only=True, omit_defaults=True):
    """Which column of an imported table means what; remembered by its header."""

    KIND = "column_mapping"
    header: tuple[str, ...]  # the header row as it stood there
    columns: dict[str, str]  # header cell → official column, or "" to leave it out

    @property
    def key(self) -> str:
        """The header row."""
        return "\t".join(self.header)


class Configuration(Statement, frozen=True, kw_only=True, omit_defaults=True):
    """What a device's configuration file says, secrets masked; the file itself is not kept."""

    KIND = "configuration"
    device: str  # device id, "" if it is not known whose it is
    file: str
    sha256: str
    on: date  # when the configuration was taken
    reading: dict[str, object]  # JSON as in `daicho read --config`

    @property
    def key(self) -> str:
        """Device, else file name."""
        return self.device or f"file:{self.file}"


class Document(Statement, frozen=True, kw_only=True, omit_defaults=True):
    """A document that the facility holds: MDS/SDS of a vendor, contact chart, BCP, rules."""

    KIND = "document"
    id: str
    type: str  # mds, sds, contact_chart, bcp, drill_record, rules …
    title: str = ""
    vendor: str = ""
    version: str = ""
    on: date
    valid_until: date | None = None
    attachments: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The document's id."""
        return self.id


KINDS: dict[str, type[Statement]] = {one.KIND: one for one in Statement.__subclasses__()}  # all of the above
