# SPDX-License-Identifier: Apache-2.0
"""`daicho pack`: the signed zip for an inspection, and the check that nothing in it was changed."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from agent.refusal import Refusal
from collector.documents.pack import make_pack
from collector.documents.pack_check import Checked, check_pack
from collector.documents.pack_key import find_key, key_folder
from collector.dossier_reading import read_dossier
from collector.settings import Settings
from deploy.result_file import check_result, write_result
from deploy.terminal import complain, say
from inventory_db.tables import open_ledger

_PLACE = Settings()  # facility and time zone of a ledger that no collector.toml speaks for
_LOOK = 1  # exit code: done, but a person must look
_MOST = 2 * 1024**3  # bytes of a pack that we open


def command(
    out: Annotated[Path | None, typer.Option(help="作る zip の名前 / zip to write")] = None,
    verify: Annotated[Path | None, typer.Option(help="確かめる zip / zip to check")] = None,
    key: Annotated[
        Path | None,
        typer.Option(help="この公開鍵（PEM）の署名か確かめる / must be signed by this public key"),
    ] = None,
    ledger: Annotated[Path, typer.Option(help="台帳ファイル / ledger file")] = Path("daicho.sqlite"),
    edition: Annotated[str, typer.Option(help="様式の版 / edition of the checklist")] = "",
    state: Annotated[str, typer.Option(help="署名の鍵の置き場所 / folder of the signing key")] = "",
) -> None:
    """立入検査の資料を一つの署名付き zip にします / make, or check, the signed inspection pack."""
    if (out is None) == (verify is None):
        raise Refusal(
            "作るときは --out 資料.zip、確かめるときは --verify 資料.zip のどちらか一方を付けてください。",
            "Give either --out FILE.zip to make a pack, or --verify FILE.zip to check one.",
        )
    if verify is not None:
        _verify(verify, key)
    elif out is not None:
        _make(out, ledger, edition, state)


def _make(out: Path, ledger: Path, edition: str, state: str) -> None:
    check_result(out)
    with open_ledger(ledger, create=False).connect() as connection:
        dossier = read_dossier(connection, _PLACE.facility, _PLACE.zone, datetime.now(UTC), edition)
        pack = make_pack(dossier, find_key(key_folder(state, os.environ)))
    write_result(out, pack.data)
    say(
        f"{pack.files} 個のファイルを {out} に収め、署名しました。鍵の指紋を控え、提出先へは別の方法で伝えてください:",
        f"{pack.files} files are in {out}, signed. Note the key's fingerprint and tell it to the reader by other means:",
    )
    say(f"  {pack.fingerprint}")


def _verify(path: Path, key: Path | None) -> None:
    checked = check_pack(_read(path, _MOST), _read(key, 10_000) if key else None)
    if checked.problems:
        for problem in checked.problems[:20]:
            complain(problem.ja, problem.en)
        raise typer.Exit(_LOOK)
    _say_good(path, checked, key)


def _say_good(path: Path, checked: Checked, key: Path | None) -> None:
    say(
        f"{path}: {checked.files} 個のファイルすべてが、署名されたときのままです。鍵の指紋:",
        f"{path}: all {checked.files} files are as they were signed. Fingerprint of the key:",
    )
    say(f"  {checked.fingerprint}")
    if key is None:
        say(
            "この指紋を、施設から別の方法で聞いた指紋と比べてください。比べるまで、誰の署名かは分かりません。",
            "Compare it with the fingerprint that the facility told you by other means: until then nobody knows whose it is.",
        )


def _read(path: Path, most: int) -> bytes:
    try:
        if path.stat().st_size > most:
            raise Refusal(
                f"{path} は大きすぎます（{most:,} バイトまで）。開いていません。",
                f"{path} is too large (at most {most:,} bytes). It was not opened.",
            )
        return path.read_bytes()
    except OSError as error:
        raise Refusal(
            f"{path} を読めません（{error.strerror}）。場所と権限を確かめてください。",
            f"{path} cannot be read ({error.strerror}). Check its place and permissions.",
        ) from error
