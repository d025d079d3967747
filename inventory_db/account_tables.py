# SPDX-License-Identifier: Apache-2.0
"""Tables of people and of their ways in. They belong to no facility; a membership says who is what where.

Nothing that lets anybody in is kept as it is: passwords as argon2id, links, cookies and tokens as SHA-256
(256 random bits need no slow hash), secrets of one-time codes sealed by the collector.
"""

from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
)

from inventory_db.tables import metadata, writing

_LOCK = 0x64616964  # PostgreSQL advisory lock: people never wait for uploads or derivations
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

accounts = Table(
    "accounts",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("login", String(64), nullable=False),  # as it was typed
    Column("login_key", String(200), nullable=False, unique=True),  # casefolded
    Column("name", String(100), nullable=False),
    Column("email", String(254), nullable=False),  # for a site's own sign-on; "" for none
    Column("language", String(8), nullable=False),
    Column("password", String(255)),  # argon2id; NULL: no login by password
    Column("created", BigInteger, nullable=False),  # microseconds since 1970 UTC, as all times here
    Column("disabled", BigInteger),
    Column("failed", Integer, nullable=False),  # tries since the last success
    Column("failed_at", BigInteger, nullable=False),
)
memberships = Table(
    "accounts_memberships",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("account", String(32), ForeignKey("accounts.id"), nullable=False),
    Column("facility", Integer, nullable=False),
    Column("role", String(16), nullable=False),
    Column("bound_to", String(1000), nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("until", BigInteger),
    Column("ended", BigInteger),
    Index(None, "account"),
    Index(None, "facility"),
)
sessions = Table(
    "sessions",
    metadata,
    Column("id", String(64), primary_key=True),  # SHA-256 of the cookie's token
    Column("account", String(32), ForeignKey("accounts.id"), nullable=False),
    Column("membership", String(32), ForeignKey("accounts_memberships.id"), nullable=False),
    Column("facility", Integer, nullable=False),
    Column("stage", String(16), nullable=False),  # of sessions.Stage
    Column("factor", String(16), nullable=False),  # the second factor that was passed; "" for none
    Column("created", BigInteger, nullable=False),  # of the login, kept when the session changes
    Column("last_seen", BigInteger, nullable=False),
    Column("idle", BigInteger, nullable=False),  # microseconds without a request that end it
    Column("expires", BigInteger, nullable=False),
    Column("address", String(64), nullable=False),
    Column("browser", String(255), nullable=False),
    Index(None, "account"),
)
invitations = Table(
    "accounts_invitations",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("id", String(16), nullable=False, unique=True),
    Column("purpose", String(16), nullable=False),  # of invitations.Purpose
    Column("facility", Integer, nullable=False),
    Column("role", String(16), nullable=False),
    Column("bound_to", String(1000), nullable=False),
    Column("until", BigInteger),  # of the membership that it gives
    Column("name", String(100), nullable=False),
    Column("email", String(254), nullable=False),
    Column("account", String(32), ForeignKey("accounts.id")),  # whose way in is made anew
    Column("created", BigInteger, nullable=False),
    Column("created_by", String(255), nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("used", BigInteger),
    Index(None, "facility"),
)
tokens = Table(
    "accounts_tokens",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("hash", String(64), nullable=False, unique=True),
    Column("name", String(100), nullable=False),
    Column("facility", Integer, nullable=False),
    Column("role", String(16), nullable=False),
    Column("scopes", String(255), nullable=False),  # words with blanks between
    Column("created", BigInteger, nullable=False),
    Column("created_by", String(255), nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("revoked", BigInteger),
    Column("last_used", BigInteger),
    Index(None, "facility"),
)
totp = Table(
    "accounts_totp",
    metadata,
    Column("account", String(32), ForeignKey("accounts.id"), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("confirmed", BigInteger),  # NULL: shown, and never yet answered
    Column("step", BigInteger, nullable=False),  # of the last code that was taken (RFC 6238 §5.2)
)
passkeys = Table(
    "accounts_passkeys",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("account", String(32), ForeignKey("accounts.id"), nullable=False),
    Column("credential", LargeBinary, nullable=False, unique=True),
    Column("public_key", LargeBinary, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("name", String(100), nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("last_used", BigInteger),
    Index(None, "account"),
)
recovery_codes = Table(
    "accounts_recovery_codes",
    metadata,
    Column("account", String(32), ForeignKey("accounts.id"), nullable=False),
    Column("hash", String(64), nullable=False),
    Column("used", BigInteger),
    PrimaryKeyConstraint("account", "hash"),
)
identities = Table(
    "accounts_identities",
    metadata,
    Column("issuer", String(500), nullable=False),
    Column("subject", String(255), nullable=False),
    Column("account", String(32), ForeignKey("accounts.id"), nullable=False),
    Column("created", BigInteger, nullable=False),
    PrimaryKeyConstraint("issuer", "subject"),
)
attempts = Table(
    "accounts_attempts",
    metadata,
    Column("address", String(64), primary_key=True),
    Column("since", BigInteger, nullable=False),
    Column("count", Integer, nullable=False),
)
pending = Table(
    "accounts_pending",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("body", LargeBinary, nullable=False),  # JSON
    Column("expires", BigInteger, nullable=False),
)
rules = Table(
    "accounts_rules",
    metadata,
    Column("facility", Integer, primary_key=True, autoincrement=False),
    Column("second_factor", String(255), nullable=False),  # roles that need one, with blanks between
)


def changing(engine: Engine) -> AbstractContextManager[Connection]:
    """Open a transaction in which nobody else changes accounts; raises tables.LedgerUnwritten."""
    return writing(engine, _LOCK)


def moment(value: int) -> datetime:
    """Give the time that a column holds."""
    return _EPOCH + timedelta(microseconds=value)


def moment_or_none(value: int | None) -> datetime | None:
    """Give the time that a column holds, None for an empty one."""
    return None if value is None else moment(value)
