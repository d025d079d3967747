# SPDX-License-Identifier: Apache-2.0
"""`daicho load feed`: what is known of weak and unsupported versions, from files or from a URL that a person names."""

import gzip
import hashlib
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import IO, Annotated

import typer
from sqlalchemy import Engine

from agent.refusal import Refusal
from collector.advisories import importers
from collector.advisories.download import Fetched, fetch, forget, is_url
from collector.advisories.feed import Loaded, Source, opened
from collector.advisories.knowledge import AGE_LIMIT_DAYS, age_days
from collector.advisories.loaded import held_day, known_exploited, take
from collector.advisories.shipped import shipped_products
from deploy.console import tell
from deploy.terminal import say
from inventory_db.audit import Action
from inventory_db.tables import open_ledger, writing

_MOST_PAGES = 2000
_HEAD = 4096  # bytes by which a feed is recognised


def command(
    feeds: Annotated[list[str], typer.Argument(help="ファイル、フォルダ、URL / files, folders, URLs")],
    kind: Annotated[
        str, typer.Option(help="種類（省略時は自動） / kind: " + " | ".join(importers.kinds()))
    ] = "",
    ledger: Annotated[Path, typer.Option(help="台帳ファイル / ledger file")] = Path("daicho.sqlite"),
    as_of: Annotated[str, typer.Option(help="データの日付（書かれていないとき） / day of the data")] = "",
    who: Annotated[str, typer.Option(help="読み込んだ人 / who loads it")] = "",
) -> None:
    """脆弱性とサポート期限のデータを読み込みます / load advisories: CISA KEV, NVD, CVE, JVN, endoflife.date, distro-info."""
    _check(kind, as_of)
    engine = open_ledger(ledger)
    fetched: list[Fetched] = []
    taken = [one for name in feeds for one in _read(name, kind, as_of, ledger, engine, fetched)]
    now = datetime.now(UTC)
    with writing(engine) as connection:
        held = [take(connection, one, name, digest, who, now) for name, digest, one in taken]
        for name, digest, _ in taken:
            tell(connection, Action.IMPORT, "feed", name, {"sha256": digest}, who=who)
    for one in fetched:
        forget(one)
    look = [_tell(name, one, count) for (name, _, one), count in zip(taken, held, strict=True)]
    if any(look):
        raise typer.Exit(1)


def _check(kind: str, as_of: str) -> None:
    if kind and kind not in importers.kinds():
        raise Refusal(
            f"「{kind[:40]}」という種類はありません。使えるもの: {'、'.join(importers.kinds())}。",
            f"There is no kind “{kind[:40]}”. Kinds: {', '.join(importers.kinds())}.",
        )
    if as_of:
        try:
            date.fromisoformat(as_of)
        except ValueError as error:
            raise Refusal(
                f"日付「{as_of[:20]}」を読めません。2026-11-01 のように書いてください。",
                f"“{as_of[:20]}” is no day. Write it like 2026-11-01.",
            ) from error


def _read(
    name: str, kind: str, as_of: str, ledger: Path, engine: Engine, fetched: list[Fetched]
) -> Iterator[tuple[str, str, Loaded]]:
    """Read one file or folder, or one URL with the pages that follow it."""
    if not is_url(name):
        path = Path(name)
        yield name, _digest(path), _load(path, path.name, kind, as_of, engine)
        return
    url = name
    for _ in range(_MOST_PAGES):
        one = fetch(url, ledger.with_name(ledger.name + ".feeds"))
        fetched.append(one)
        loaded = _load(one.path, url, kind, as_of, engine, _day(one.modified))
        yield url, _digest(one.path), loaded
        if not loaded.next_start:
            return
        url = _page(url, loaded.next_start)


def _page(url: str, start: int) -> str:
    """The URL of the page that begins there."""
    if re.search(r"[?&]startIndex=\d+", url):
        return re.sub(r"([?&]startIndex=)\d+", rf"\g<1>{start}", url)
    return f"{url}{'&' if '?' in url else '?'}startIndex={start}"


def _day(modified: str) -> str:
    """The day of a Last-Modified header; "" if it is none."""
    try:
        return parsedate_to_datetime(modified).date().isoformat() if modified else ""
    except ValueError:
        return ""


def _load(path: Path, name: str, kind: str, as_of: str, engine: Engine, modified: str = "") -> Loaded:
    def open_file() -> IO[bytes]:
        with path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
        return gzip.open(path, "rb") if packed else path.open("rb")  # type: ignore[return-value]

    def source(held: str) -> Source:
        return Source(
            name=name,
            open=open_file,
            path=path,
            as_of=as_of,
            modified=modified,
            today=datetime.now(UTC).date(),
            products=shipped_products(),
            held=held,
            known=known_exploited(),
        )

    found = kind or _kind(path, source(""))
    with engine.connect() as connection:
        held = held_day(connection, found)
    return importers.importer(found).read(source(held))


def _kind(path: Path, source: Source) -> str:
    if path.is_dir():
        return "cve"
    with opened(source) as file:
        head = file.read(_HEAD)
    found = importers.kind_of(head, source.name)
    if found is None:
        raise Refusal(
            f"{source.name[:200]} は読み込めるデータの形をしていません。何も取り込んでいません。"
            f"種類が分かっていれば --kind を付けてください（{'、'.join(importers.kinds())}）。",
            f"{source.name[:200]} is of no form that we read. Nothing was taken in."
            f" If you know its kind, add --kind ({', '.join(importers.kinds())}).",
        )
    return found


def _digest(path: Path) -> str:
    """SHA-256 of a file, of the names and sizes in a folder."""
    digest = hashlib.sha256()
    if path.is_dir():
        for one in sorted(path.rglob("*.json")):
            digest.update(f"{one.name} {one.stat().st_size}\n".encode())
        return digest.hexdigest()
    try:
        with path.open("rb") as file:
            while block := file.read(1024 * 1024):
                digest.update(block)
    except OSError as error:
        raise Refusal(
            f"{str(path)[:200]} を読めません（{error.strerror}）。ファイル名と権限を確かめてください。",
            f"{str(path)[:200]} cannot be read ({error.strerror}). Check the name and permissions.",
        ) from error
    return digest.hexdigest()


def _tell(name: str, loaded: Loaded, held: int) -> bool:
    """Say what was taken in; whether a person must look at it."""
    kept = len(loaded.weaknesses) + len(loaded.lifecycles)
    age = age_days(loaded.as_of, datetime.now(UTC).date()) or 0
    say(
        f"{loaded.title}: {loaded.read:,} 件を読み、知っている製品の {kept:,} 件を取り込みました"
        f"（この種類は計 {held:,} 件、データは {loaded.as_of}、{age} 日前）。",
        f"{loaded.title}: {loaded.read:,} records read, {kept:,} of known products taken in"
        f" ({held:,} of this kind held; data of {loaded.as_of}, {age} days old).",
    )
    if age > AGE_LIMIT_DAYS:
        say(
            f"！ データが {AGE_LIMIT_DAYS} 日より古いため、「はい」の根拠にはなりません。新しいものがあれば読み込んでください。",
            f"! Data older than {AGE_LIMIT_DAYS} days supports no はい. Load newer data if there is any.",
        )
    if not kept:
        say(
            f"！ {name[:200]} に、知っている製品の件はありませんでした。",
            f"! {name[:200]} holds nothing of a product that we know.",
        )
    return age > AGE_LIMIT_DAYS or not kept
