# SPDX-License-Identifier: Apache-2.0
"""Who may do what: one table of every route. A route that is not in it makes the collector refuse to start.

`Rule.who` are the roles (None: anybody, the route looks at the sender itself), `scope` is what a token needs
besides its role, `action` is the word under which the audit log keeps it (None: nothing of a device is shown
or changed).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from inventory_db.accounts import Role
from inventory_db.audit import Action

PERSON = "-"  # a scope that no token has: accounts and rights are changed by people only


CHANGES = (
    Action.CHANGE,
    Action.STATEMENT,
    Action.IMPORT,
    Action.SETTINGS,
    Action.AGENT_ENROLLED,
    Action.RELEASE,
)  # accounts are not among them: whose right has ended is told so in a closed facility too


@dataclass(frozen=True, slots=True)
class Rule:
    """Who may use one route."""

    who: frozenset[Role] | None
    action: Action | None = None
    scope: str = "read"

    def allows(self, role: Role, scopes: frozenset[str] | None) -> bool:
        """Say whether this role, with a token's scopes (None: a person), may."""
        return self.who is None or (role in self.who and (scopes is None or self.scope in scopes))

    @property
    def changes(self) -> bool:
        """Whether it changes what a facility's ledger says: refused where the facility is closed."""
        return self.action in CHANGES

    @property
    def people_only(self) -> bool:
        """Whether no token may use it, whatever its scopes."""
        return self.scope == PERSON


HOUSE = frozenset({Role.OPERATOR, Role.ADMINISTRATOR, Role.EXECUTIVE})  # people of the facility
HANDS = frozenset({Role.OPERATOR, Role.ADMINISTRATOR})  # who may change the ledger
RULERS = frozenset({Role.ADMINISTRATOR})  # who may change people, agents and settings
WATCHERS = frozenset({Role.ADMINISTRATOR, Role.EXECUTIVE})  # who may see what others did
VENDOR = frozenset({Role.VENDOR})
INSPECTOR = frozenset({Role.INSPECTOR})
ALL = frozenset(Role)

OPEN = Rule(None)


def _read(action: Action | None) -> Rule:
    return Rule(HOUSE, action)


def _export(action: Action = Action.DOWNLOAD) -> Rule:
    return Rule(HOUSE, action, "export")


def _hands(action: Action | None) -> Rule:
    return Rule(HANDS, action, PERSON)


def _person(who: frozenset[Role], action: Action | None = None) -> Rule:
    return Rule(who, action, PERSON)


TABLE: Mapping[str, Rule] = {
    # the doors: they look at who comes themselves, and write the audit log themselves (inventory_db.notes)
    "GET /login": OPEN,
    "POST /login": OPEN,
    "POST /logout": OPEN,
    "GET /login/oidc": OPEN,
    "GET /login/oidc/return": OPEN,
    "GET /setup/{word}": OPEN,
    "POST /setup/{word}": OPEN,
    "GET /invited/{word}": OPEN,
    "POST /invited/{word}": OPEN,
    "POST /invited/{word}/mine": OPEN,
    "GET /second-factor": OPEN,
    "POST /second-factor": OPEN,
    "POST /second-factor/key": OPEN,
    "POST /second-factor/app": OPEN,
    "POST /second-factor/new-key": OPEN,
    # a person's own page
    "GET /me": _person(ALL),
    "POST /me/language": _person(ALL),
    "POST /me/place": _person(ALL, Action.LOGIN),
    "POST /me/password": _person(ALL, Action.PASSWORD),
    "POST /me/codes": _person(ALL, Action.SECOND_FACTOR),
    "POST /me/app": _person(ALL, Action.SECOND_FACTOR),
    "POST /me/app/confirm": _person(ALL, Action.SECOND_FACTOR),
    "POST /me/app/remove": _person(ALL, Action.SECOND_FACTOR),
    "POST /me/keys": _person(ALL, Action.SECOND_FACTOR),
    "POST /me/keys/confirm": _person(ALL, Action.SECOND_FACTOR),
    "POST /me/keys/{id}/remove": _person(ALL, Action.SECOND_FACTOR),
    "POST /me/sessions/{id}/end": _person(ALL, Action.SESSION_ENDED),
    "POST /me/sessions/end-others": _person(ALL, Action.SESSION_ENDED),
    # people of the facility
    "GET /people": _person(RULERS, Action.READ_PEOPLE),
    "POST /people/invite": _person(RULERS, Action.INVITE),
    "POST /people/invitations/{id}/take-back": _person(RULERS, Action.INVITE),
    "POST /people/{membership}/reset": _person(RULERS, Action.INVITE),
    "POST /people/{membership}/role": _person(RULERS, Action.RIGHTS),
    "POST /people/{membership}/end": _person(RULERS, Action.RIGHTS),
    "POST /people/{membership}/again": _person(RULERS, Action.RIGHTS),
    "POST /people/sessions/{id}/end": _person(RULERS, Action.SESSION_ENDED),
    "POST /people/rules": _person(RULERS, Action.SETTINGS),
    "POST /people/tokens": _person(RULERS, Action.TOKEN),
    "POST /people/tokens/{id}/revoke": _person(RULERS, Action.TOKEN),
    "GET /healthz": OPEN,
    "GET /readyz": OPEN,  # details only to this machine or with a word (collector.health)
    "GET /metrics": OPEN,
    # agents show their key with every request (collector.agents)
    "POST /api/v1/agents/enrol": OPEN,
    "POST /api/v1/agents/{id}/uploads": OPEN,
    "POST /api/v1/agents/{id}/key": OPEN,
    # the ledger and its devices
    "GET /": _read(Action.READ_LEDGER),
    "GET /devices/{id}": _read(Action.READ_DEVICE),
    "POST /devices/{id}": Rule(HANDS, Action.CHANGE, "write"),
    "GET /devices/{id}/cells/{key}": _hands(Action.READ_DEVICE),
    "POST /devices/{id}/cells/{key}": _hands(Action.CHANGE),
    "GET /devices/{id}/observations/{observation}": _read(Action.READ_EVIDENCE),
    "GET /scans": _read(Action.READ_LEDGER),
    "POST /scans/{id}/stop": _hands(Action.CHANGE),
    "GET /journal": _read(Action.READ_JOURNAL),
    "GET /diagram": _read(Action.READ_LEDGER),
    "GET /changes": _read(Action.READ_LEDGER),
    "GET /register": _read(Action.READ_STATEMENTS),
    "GET /register/declare": _hands(Action.READ_STATEMENTS),
    "POST /register/declare": Rule(HANDS, Action.STATEMENT, "write"),
    "POST /register/withdraw": Rule(HANDS, Action.STATEMENT, "write"),
    "GET /documents": _read(Action.READ_STATEMENTS),
    "POST /documents": _hands(Action.STATEMENT),
    "POST /documents/withdraw": _hands(Action.STATEMENT),
    "POST /documents/review": _person(HOUSE, Action.STATEMENT),  # people sign, no program
    "GET /documents/files/{id}": _read(Action.READ_ATTACHMENT),
    "GET /dual-homed": _read(Action.READ_STATEMENTS),
    "POST /dual-homed": Rule(HANDS, Action.STATEMENT, "write"),
    "POST /dual-homed/withdraw": Rule(HANDS, Action.STATEMENT, "write"),
    "GET /api/v1/openapi.json": _read(None),
    "GET /api/v1/me": _read(None),
    "GET /api/v1/facilities": _read(None),
    "GET /api/v1/ledger": _read(Action.READ_LEDGER),
    "GET /api/v1/services": _read(Action.READ_LEDGER),
    "GET /api/v1/remote-paths": _read(Action.READ_LEDGER),
    "GET /api/v1/devices/{id}": _read(Action.READ_DEVICE),
    "GET /api/v1/devices/{id}/services": _read(Action.READ_DEVICE),
    "GET /api/v1/devices/{id}/remote-paths": _read(Action.READ_DEVICE),
    "GET /api/v1/devices/{id}/observations": _read(Action.READ_EVIDENCE),
    "GET /api/v1/devices/{id}/observations/{observation}": _read(Action.READ_EVIDENCE),
    "PATCH /api/v1/devices/{id}": Rule(HANDS, Action.CHANGE, "write"),
    "PATCH /api/v1/devices": Rule(HANDS, Action.CHANGE, "write"),
    "GET /api/v1/scans": _read(None),
    "GET /api/v1/uploads": _read(None),
    "GET /api/v1/journal": _read(Action.READ_JOURNAL),
    "GET /api/v1/changes": _read(Action.READ_LEDGER),
    "GET /api/v1/register": _read(Action.READ_STATEMENTS),
    # what to do, and the checklist with people's marks
    "GET /today": _read(Action.READ_LEDGER),
    "GET /findings": _read(Action.READ_VERDICTS),
    "POST /findings/approve": Rule(HANDS, Action.STATEMENT, "write"),
    "POST /findings/assign": Rule(HANDS, Action.STATEMENT, "write"),
    "GET /checklist": _read(Action.READ_VERDICTS),
    "GET /checklist/{edition}": _read(Action.READ_VERDICTS),
    "POST /checklist/{edition}": _person(HOUSE, Action.STATEMENT),  # people sign, no program
    # the facility's own ledger is taken in
    "GET /import": _hands(Action.READ_LEDGER),
    "POST /import": _hands(Action.IMPORT),
    "GET /import/preview": _hands(Action.READ_LEDGER),
    "POST /import/columns": _hands(Action.IMPORT),
    "POST /import/apply": _hands(Action.IMPORT),
    "POST /import/discard": _hands(Action.IMPORT),
    # one column of many devices
    "POST /bulk": _hands(Action.READ_LEDGER),  # only looks first
    "POST /bulk/apply": _hands(Action.CHANGE),
    "POST /bulk/undo": _hands(Action.CHANGE),
    "GET /listed": _read(Action.READ_LEDGER),
    # which devices are one
    "GET /same-devices": _read(Action.READ_LEDGER),
    "GET /same-devices/pair": _read(Action.READ_LEDGER),
    "POST /same-devices/pair": _hands(Action.STATEMENT),
    "POST /same-devices/split": _hands(Action.STATEMENT),
    "POST /same-devices/undo": _hands(Action.STATEMENT),
    # 棚卸し
    "GET /stocktake": _hands(Action.READ_LEDGER),
    "POST /stocktake": _hands(Action.STATEMENT),
    "GET /settings": _person(RULERS, Action.READ_SETTINGS),
    # the first hour
    "GET /welcome": _read(None),
    "POST /welcome/facility": _person(RULERS, Action.SETTINGS),
    "POST /welcome/scope": _person(RULERS, Action.SETTINGS),
    "POST /welcome/agent": _person(RULERS, Action.AGENT_ENROLLED),
    # verdicts and statements
    "GET /api/v1/checks": _read(None),
    "GET /api/v1/checks/{edition}": _read(Action.READ_VERDICTS),
    "GET /api/v1/statements/{kind}": _read(Action.READ_STATEMENTS),
    "POST /api/v1/statements/{kind}": Rule(HANDS, Action.STATEMENT, "write"),
    "DELETE /api/v1/statements/{kind}": Rule(HANDS, Action.STATEMENT, "write"),
    "POST /api/v1/statements/answer": _person(
        HOUSE, Action.STATEMENT
    ),  # はい・いいえ: people sign, no program
    "DELETE /api/v1/statements/answer": _person(HOUSE, Action.STATEMENT),
    # the audit log
    "GET /audit": Rule(WATCHERS, Action.READ_AUDIT),
    "GET /audit.csv": Rule(WATCHERS, Action.EXPORT, "export"),
    "GET /audit.jsonl": Rule(WATCHERS, Action.EXPORT, "export"),
    # files that people attached
    "GET /api/v1/attachments": _read(Action.READ_STATEMENTS),
    "POST /api/v1/attachments": Rule(HANDS, Action.STATEMENT, "write"),
    "GET /api/v1/attachments/{id}": _read(Action.READ_STATEMENTS),
    "GET /api/v1/attachments/{id}/content": _read(Action.READ_ATTACHMENT),
    # agents
    "GET /api/v1/agents": Rule(RULERS, None, "agents"),
    "POST /api/v1/agents/codes": Rule(RULERS, Action.AGENT_ENROLLED, "agents"),
    "DELETE /api/v1/agents/{id}": Rule(RULERS, Action.AGENT_REVOKED, "agents"),
    # what was released to an inspection, and those who read it
    "GET /releases": _person(WATCHERS, Action.READ_STATEMENTS),
    "GET /releases/new": _person(WATCHERS, Action.READ_VERDICTS),
    "POST /releases": _person(WATCHERS, Action.RELEASE),
    "POST /releases/{id}/withdraw": _person(WATCHERS, Action.RELEASE),
    "POST /releases/{id}/invite": _person(WATCHERS, Action.INVITE),
    "GET /releases/{id}/pack.zip": _person(WATCHERS, Action.DOWNLOAD),
    # the facility's side of its vendors
    "GET /vendors": _read(Action.READ_STATEMENTS),
    "GET /vendors/new": _person(HANDS, Action.READ_STATEMENTS),
    "GET /vendors/{id}": _read(Action.READ_STATEMENTS),
    "GET /vendors/{id}/files/{file}": _read(Action.READ_ATTACHMENT),
    "POST /vendors": _person(HANDS, Action.STATEMENT),
    "POST /vendors/{id}/invite": _person(RULERS, Action.INVITE),
    # a vendor's own pages
    "GET /vendor": _person(VENDOR, Action.READ_STATEMENTS),
    "POST /vendor/none": _person(VENDOR, Action.STATEMENT),
    "POST /vendor/none/take-back": _person(VENDOR, Action.STATEMENT),
    "GET /vendor/paths/{id}": _person(VENDOR, Action.READ_STATEMENTS),
    "POST /vendor/paths/{id}": _person(VENDOR, Action.STATEMENT),
    "GET /vendor/sheet": _person(VENDOR, Action.READ_STATEMENTS),
    "POST /vendor/sheet": _person(VENDOR, Action.STATEMENT),
    "GET /vendor/documents": _person(VENDOR, Action.READ_STATEMENTS),
    "POST /vendor/documents": _person(VENDOR, Action.STATEMENT),
    "GET /vendor/files/{id}": _person(VENDOR, Action.READ_ATTACHMENT),
    "GET /inspection": _person(INSPECTOR, Action.READ_LEDGER),
    "GET /inspection/search": _person(INSPECTOR, Action.READ_EVIDENCE),
    "GET /inspection/pack.zip": _person(INSPECTOR, Action.DOWNLOAD),
    "GET /inspection/{name}": _person(INSPECTOR, Action.DOWNLOAD),
    "GET /inspection/{folder}/{name}": _person(INSPECTOR, Action.READ_EVIDENCE),
    # files to take along
    "GET /api/v1/exports/{format}": _export(Action.EXPORT),
    "GET /export/{format}": _export(Action.EXPORT),
    "GET /ledger.csv": _export(),
    "GET /ledger.xlsx": _export(),
    "GET /ledger.json": _export(),
    "GET /ledger.pdf": _export(),
    "GET /papers/{kind}.{form}": _export(),
    "GET /checks/{edition}.{form}": _export(),
    "GET /pack.zip": _export(),
}


class Undeclared(Exception):
    """A fault of ours: a route that no rule names, or a rule without a route."""


def check_table(routes: Iterable[str], table: Mapping[str, Rule] = TABLE) -> None:
    """Raise Undeclared unless the table names exactly these routes ("GET /devices/{id}")."""
    there = set(routes)
    if wrong := sorted(there ^ set(table)):
        raise Undeclared(", ".join(wrong))
