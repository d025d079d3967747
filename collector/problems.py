# SPDX-License-Identifier: Apache-2.0
"""Every refusal that a program reads: problem+json (RFC 9457) with the sentences in Japanese and English.

`Refused` names a problem of the table below; whatever raises it, the app's one handler makes the answer.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fastapi.responses import JSONResponse

from probes.facts import printable

MEDIA = "application/problem+json"
_KEPT = "何も変更していません。"
_KEPT_EN = "Nothing was changed."

# name → status, Japanese, English: what happened, what it means, what to do next
PROBLEMS: dict[str, tuple[int, str, str]] = {
    "bad-request": (
        400,
        f"この依頼は受け付けられません。{_KEPT}内容を確かめて送り直してください。",
        f"This request cannot be taken. {_KEPT_EN} Check it and send it again.",
    ),
    "not-signed-in": (
        401,
        "ログインしていないか、トークンが無効です。何も渡していません。ログインするか、有効なトークンを付けてください。",
        "Nobody is signed in, or the token is not valid. Nothing was given out. Sign in, or send a valid token.",
    ),
    "not-allowed": (
        403,
        f"この操作をする権限がありません。{_KEPT}必要な場合は、施設の管理者に相談してください。",
        f"You may not do this. {_KEPT_EN} If you need to, ask the facility's administrator.",
    ),
    "facility-closed": (
        403,
        f"この施設は閉じられていて、見ることだけができます。{_KEPT}変更するには、管理者が daicho facility reopen を実行します。",
        f"This facility is closed and can only be read. {_KEPT_EN} To change it, the administrator runs daicho facility reopen.",
    ),
    "another-site": (
        403,
        f"別のサイトからの変更は受け付けません。{_KEPT}",
        f"Changes from another site are not taken. {_KEPT_EN}",
    ),
    "not-found": (
        404,
        "指定されたものは、この施設にありません。まとめられたか、番号が違います。記録は失われていません。一覧で確かめてください。",
        "This facility has no such thing: it was merged into another, or the id is mistyped. No record is lost. Look in the list.",
    ),
    "no-such-method": (
        405,
        f"この場所では、その方法は使えません。{_KEPT}Allow 見出しにある方法を使ってください。",
        f"This method cannot be used here. {_KEPT_EN} Use one that the Allow header names.",
    ),
    "wrong-host": (
        421,
        f"この名前では応えません。{_KEPT}設定（host_names）にある名前で呼び直してください。",
        f"We do not answer to this name. {_KEPT_EN} Use a name that the settings (host_names) have.",
    ),
    "tls-needed": (
        426,
        f"暗号化されていない接続には応えません。{_KEPT}https:// で呼び直してください。",
        f"We do not answer over a connection that is not encrypted. {_KEPT_EN} Use https://.",
    ),
    "length-required": (
        411,
        f"データの長さ (Content-Length) がありません。{_KEPT}長さを付けて送り直してください。",
        f"The request has no Content-Length. {_KEPT_EN} Send it again with its length.",
    ),
    "changed-meanwhile": (
        412,
        f"読み込んだあとに、ほかの人が変更しました。上書きを避けるため、{_KEPT}読み込み直してから、もう一度送ってください。",
        "Somebody changed it since you read it. So that nothing is overwritten, no change was made. Read it again, then send yours.",
    ),
    "too-large": (
        413,
        f"大きすぎます。{_KEPT}小さくするか、分けて送ってください。",
        f"It is too large. {_KEPT_EN} Make it smaller, or send it in parts.",
    ),
    "media-type": (
        415,
        f"データの種類 (Content-Type) が違います。{_KEPT}この場所が受け取る種類で送ってください。",
        f"The media type (Content-Type) is not one that is taken here. {_KEPT_EN} Send it in the documented type.",
    ),
    "bad-parameters": (
        422,
        f"値に誤りがあります。{_KEPT}fields にある項目を直して送り直してください。",
        f"A value is not right. {_KEPT_EN} Correct what fields names and send it again.",
    ),
    "fault": (
        500,
        "プログラムの内部で失敗しました。記録は失われていません。もう一度試し、続く場合はサーバーの記録を開発元に送ってください。",
        "The program failed inside. Nothing that was recorded is lost. Try again; if it stays, send the server's log to the developers.",
    ),
    "not-now": (
        503,
        "今は応じられません。記録は失われていません。少し待って、もう一度試してください。",
        "This cannot be answered now. Nothing that was recorded is lost. Wait a little and try again.",
    ),
}
_BY_STATUS = {400: "bad-request", 401: "not-signed-in", 403: "not-allowed", 404: "not-found"} | {
    405: "no-such-method", 421: "wrong-host", 426: "tls-needed", 411: "length-required", 412: "changed-meanwhile", 413: "too-large",
    415: "media-type", 422: "bad-parameters", 500: "fault", 503: "not-now",
}  # fmt: skip


class Refused(Exception):
    """A request that is refused by a name of PROBLEMS; `ja` and `en` replace the table's sentences."""

    def __init__(self, name: str, ja: str = "", en: str = "", **more: object) -> None:
        super().__init__(name)
        self.name = name
        self.ja, self.en, self.more = ja, en, more

    @property
    def status(self) -> int:
        """The HTTP status of the answer."""
        return PROBLEMS[self.name][0]

    def response(self) -> JSONResponse:
        """Give the answer."""
        return problem(self.name, self.ja, self.en, **self.more)


def problem(name: str, ja: str = "", en: str = "", **more: object) -> JSONResponse:
    """Give the problem of this name, with other sentences or further members where the caller has them."""
    status, usual_ja, usual_en = PROBLEMS[name]
    return problem_response(name, status, ja or usual_ja, en or usual_en, more)


def problem_response(
    name: str, status: int, ja: str, en: str, more: Mapping[str, object] | None = None
) -> JSONResponse:
    """Give a problem document; `more` are further members."""
    content: dict[str, object] = {
        "type": f"urn:daicho:problem:{name}",
        "title": name,
        "status": status,
        "detail": f"{ja} / {en}",
        "ja": ja,
        "en": en,
    }
    return JSONResponse(content | dict(more or {}), status, media_type=MEDIA)


def problem_of(status: int, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """Give the usual problem of a status; an unknown one counts as our fault."""
    answer = problem(_BY_STATUS.get(status, "fault"))
    answer.headers.update(headers or {})
    return answer


def bad_parameters(errors: Sequence[Any]) -> JSONResponse:
    """Give the problem that names each parameter which FastAPI found wrong; no value is repeated."""
    return problem("bad-parameters", fields=list(_fields(errors)))


def _fields(errors: Iterable[Any]) -> Iterable[dict[str, str]]:
    for error in list(errors)[:20]:
        where, *names = [str(part) for part in error.get("loc", ())] or [""]
        yield {
            "in": where,
            "name": printable(".".join(names), 100),
            "problem": printable(str(error.get("msg", "")), 200),
        }
