# SPDX-License-Identifier: Apache-2.0
"""What was done and stated: scans, the journal, changes, the register, verdicts, statements, attachments."""

from typing import Any, Literal

from collector.api.shapes.ground import Answer, Paging, Sentence


class WindowShown(Answer, frozen=True, kw_only=True):
    """A time of the day in which an agent sends nothing."""

    start: str
    end: str
    days: tuple[str, ...] = ()


class PlanShown(Answer, frozen=True, kw_only=True):
    """When an agent scans by itself, as it said at this scan; `next` is the start that follows."""

    at: str = ""
    days: tuple[str, ...] = ()
    every_hours: float = 0.0
    time_zone: str = ""
    jitter_minutes: float = 0.0
    windows: tuple[WindowShown, ...] = ()
    next: str | None = None


class ScanRow(Answer, frozen=True, kw_only=True):
    """One scan, as far as it has come."""

    id: str
    started: str
    state: str = "running"
    ended: str | None = None
    scope: tuple[str, ...] = ()
    profile: str = "standard"
    privileged: bool = True
    planned: int = 0
    finished: int = 0
    note: str = ""
    left_out: tuple[str, ...] = ()
    plan: PlanShown | None = None
    outside: tuple[str, ...] = ()  # ids of the observations of the address outside


class ScanList(Answer, frozen=True, kw_only=True):
    """Scans, newest first."""

    scans: list[ScanRow]
    paging: Paging


class UploadRow(Answer, frozen=True, kw_only=True):
    """One upload that was taken in; `devices` are those new, changed or gone with it."""

    id: str
    agent: str
    sequence: int
    received: str
    size: int
    observations: int
    sent: int
    known: int
    state: Literal["QUEUED", "RECONCILED", "NO_CHANGES", "FAILED"]
    devices: int | None
    reason: Sentence
    finished: str | None


class UploadList(Answer, frozen=True, kw_only=True):
    """Uploads, newest first."""

    uploads: list[UploadRow]
    paging: Paging


class SentRow(Answer, frozen=True, kw_only=True):
    """Something that we sent, or chose not to send."""

    scan: str
    vantage: str
    at: str
    address: str
    action: str
    mac: str = ""
    port: int = 0
    transport: str = ""
    packets: int = 0
    connections: int = 0
    payload_bytes: int = 0
    probe: str = ""
    why: str = ""


class Journal(Answer, frozen=True, kw_only=True):
    """What we sent, newest first; `next` is the cursor of the older part, null at the end."""

    entries: list[SentRow]
    next: str | None


class ChangeRow(Answer, frozen=True, kw_only=True):
    """One difference of one device."""

    section: str
    kind: str
    device: str
    number: str
    name: str
    before: str
    after: str
    ja: str
    en: str


class ScanMark(Answer, frozen=True, kw_only=True):
    """A scan that began in the time."""

    id: str
    started: str
    state: str


class Changes(Answer, frozen=True, kw_only=True, rename={"form": "schema"}):
    """What differs between two moments (daicho/changes/1)."""

    form: str
    since: str
    until: str
    known_before: bool
    scans: list[ScanMark]
    counts: dict[str, int]
    changes: list[ChangeRow]


class RegisterRow(Answer, frozen=True, kw_only=True):
    """One path of the register: found, declared and confirmed side by side."""

    match: str
    device: str | None
    number: str | None
    device_name: str | None
    kind: str
    product: str | None
    port: int
    from_outside: bool
    found: str | None
    declared: dict[str, Any] | None
    vendor: str | None
    vendor_name: str | None
    confirmations: list[dict[str, Any]]
    confirmed: bool
    valid_until: str | None
    differences: list[Sentence]
    weaknesses: list[Sentence]


class Register(Answer, frozen=True, kw_only=True, rename={"form": "schema"}):
    """The register of remote maintenance, item 2-(2) (daicho/register/1)."""

    form: str
    generated_at: str
    paths: list[RegisterRow]


class Edition(Answer, frozen=True, kw_only=True):
    """One edition of the checklist."""

    id: str
    form: str
    title: str
    name: Sentence
    status: str
    status_note: str | None
    fiscal_year: int
    source: str
    rules: list[str]
    sheets: dict[str, int]


class Editions(Answer, frozen=True, kw_only=True):
    """The editions that can be judged."""

    editions: list[Edition]


class Check(Answer, frozen=True, kw_only=True, rename={"form": "schema"}):
    """One edition judged (daicho/check/1)."""

    form: str
    generated_at: str
    edition: Edition
    facility: str | None
    basis: dict[str, Any]
    summary: dict[str, int]
    needs_a_look: bool
    problems: list[Sentence]
    reminders: list[dict[str, Any]]
    sheets: list[dict[str, Any]]


class StatementRow(Answer, frozen=True, kw_only=True):
    """A statement with who made it and when; null was taken back. `version` goes into If-Match, quoted."""

    key: str
    version: int
    who: str
    at: str
    statement: dict[str, Any] | None


class Statements(Answer, frozen=True, kw_only=True, rename={"form": "schema"}):
    """What stands of one kind, or everything ever stated of it (daicho/statements/1)."""

    form: str
    kind: str
    statements: list[StatementRow]


class Stated(Answer, frozen=True, kw_only=True):
    """A statement that was kept."""

    kind: str
    key: str
    version: int


class AttachmentRow(Answer, frozen=True, kw_only=True):
    """What is known of an attached file; its id is the SHA-256 of its bytes."""

    id: str
    name: str
    media_type: str
    size: int
    who: str
    at: str


class AttachmentList(Answer, frozen=True, kw_only=True):
    """Attached files, newest first."""

    attachments: list[AttachmentRow]
    paging: Paging
