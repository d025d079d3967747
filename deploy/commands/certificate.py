# SPDX-License-Identifier: Apache-2.0
"""`daicho certificate show|prepare|renew`: the certificate that the collector shows, and its fingerprint."""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from agent.refusal import Refusal
from collector.certificate import Certificate, certificate_pem, find_certificate, prepare_next, renew
from collector.documents.pack_key import key_folder
from collector.settings import Settings, load_settings
from deploy.terminal import say

_ACTIONS = {"show": find_certificate, "prepare": prepare_next, "renew": renew}


def command(
    action: Annotated[str, typer.Argument(help="show | prepare | renew")] = "show",
    config: Annotated[Path | None, typer.Option(help="collector.toml")] = None,
    pem: Annotated[
        bool, typer.Option("--pem", help="証明書を PEM で出す / print the certificate as PEM")
    ] = False,
) -> None:
    """台帳サーバーの証明書と指紋 / the collector's certificate and its fingerprint."""
    settings = load_settings(config) if config else Settings()
    _check(action, settings)
    folder = key_folder(settings.state_folder, os.environ)
    found = _ACTIONS[action](settings, folder, datetime.now(UTC))
    sys.stdout.write(certificate_pem(found.file) if pem else found.fingerprint + "\n")
    _tell(action, found)


def _check(action: str, settings: Settings) -> None:
    if action not in _ACTIONS:
        raise Refusal(
            f"「{action[:40]}」はできません。show、prepare、renew のどれかを書いてください。",
            f"“{action[:40]}” is not known. Write one of: show, prepare, renew.",
        )
    if settings.tls.certificate and action != "show":
        raise Refusal(
            "設定の [tls] に院内の証明書が書かれています。その更新は、発行した認証局で行ってください。何も変更していません。",
            "The settings name the site's own certificate under [tls]; its authority renews it. Nothing was changed.",
        )


def _tell(action: str, found: Certificate) -> None:
    ends, names = f"{found.ends:%Y-%m-%d}", ", ".join(found.names)
    kind_ja, kind_en = (
        ("自己署名", "self-signed") if found.self_signed else ("認証局発行", "from an authority")
    )
    say(f"{kind_ja}、期限 {ends}、名前 {names}", f"{kind_en}, until {ends}, for {names}")
    if action == "prepare":
        say(
            '次の証明書を用意しました。agent.toml の fingerprint を ["今の指紋", "この指紋"] にしてから renew を実行してください。',
            'The next certificate is ready. Write fingerprint = ["the present one", "this one"] in every agent.toml, '
            "then run renew.",
        )
    if action == "renew":
        say(
            "証明書が替わりました。台帳サーバーを再起動すると使われます。まだの agent.toml の fingerprint を書き直してください。",
            "The certificate is new; restart the collector to use it. Write its fingerprint in every agent.toml that "
            "does not have it yet.",
        )
