# SPDX-License-Identifier: Apache-2.0
"""What an agent is told when it is refused: problem+json (RFC 9457) in Japanese and English."""

from fastapi.responses import JSONResponse

from collector.problems import problem_response
from inventory_db import agents

# status, Japanese, English: what happened, what it means, what to do next
_PROBLEMS: dict[str, tuple[int, str, str]] = {
    "length-required": (
        411,
        "データの長さ(Content-Length)がありません。受け取っていません。長さを付けて送り直してください。",
        "The request has no Content-Length. Nothing was taken in. Send it again with its length.",
    ),
    "too-large": (
        413,
        "一度に送るデータが大きすぎます。受け取っていません。小さく分けて送り直してください。",
        "The upload is too large. Nothing was taken in. Send it in smaller parts.",
    ),
    "media-type": (
        415,
        "データの種類か圧縮の方法が違います。受け取っていません。エージェントの版を確かめてください。",
        "The media type or encoding is not one we take. Nothing was taken in. Check the agent's version.",
    ),
    "bad-headers": (
        400,
        "署名の見出し(Daicho-Time、Daicho-Sequence、Daicho-Signature)が正しくありません。"
        "受け取っていません。エージェントの版を確かめてください。",
        "A signature header (Daicho-Time, Daicho-Sequence, Daicho-Signature) is missing or malformed. "
        "Nothing was taken in. Check the agent's version.",
    ),
    "bad-content": (
        422,
        "データの中身を読めません。受け取っていません。エージェントと台帳サーバーの版を確かめてください。",
        "The content cannot be read. Nothing was taken in. Check the versions of agent and collector.",
    ),
    "not-known": (
        401,
        "このエージェントは登録されていないか、署名が合いません。受け取っていません。"
        "登録コードを新しく作り、エージェントを登録し直してください。",
        "This agent is not enrolled, or its signature is wrong. Nothing was taken in. "
        "Make a new enrolment code and enrol the agent again.",
    ),
    "revoked": (
        403,
        "このエージェントの登録は取り消されています。受け取っていません。"
        "引き続き使う場合は、登録コードを新しく作り、登録し直してください。",
        "This agent was revoked. Nothing was taken in. "
        "If it is to go on, make a new enrolment code and enrol it again.",
    ),
    "facility-closed": (
        403,
        "この施設は閉じられています。受け取っていません。記録はエージェントに残ります。"
        "続ける場合は、台帳サーバーで daicho facility reopen を実行してください。",
        "This facility is closed. Nothing was taken in; the records stay with the agent. "
        "If it is to go on, run daicho facility reopen on the collector.",
    ),
    "clock": (
        403,
        "エージェントの時計が台帳サーバーと 15 分より大きくずれています。受け取っていません。"
        "両方の時計を合わせてください。記録はエージェントに残り、あとで送られます。",
        "The agent's clock differs from the collector's by more than 15 minutes. Nothing was taken in. "
        "Set both clocks; the records stay with the agent and are sent later.",
    ),
    "replayed": (
        409,
        "この通し番号は受け取り済みです。二重には記録していません。続きの番号から送ってください。",
        "This sequence was taken in before. Nothing was recorded twice. Go on after the last sequence.",
    ),
    "code-unknown": (
        403,
        "この登録コードはありません。登録していません。コードを確かめて、もう一度入力してください。",
        "There is no such enrolment code. Nothing was enrolled. Check the code and enter it again.",
    ),
    "code-used": (
        403,
        "この登録コードは使用済みです。登録していません。登録コードを新しく作ってください。",
        "This enrolment code was used before. Nothing was enrolled. Make a new code.",
    ),
    "code-expired": (
        403,
        "この登録コードは期限切れです。登録していません。登録コードを新しく作ってください。",
        "This enrolment code has expired. Nothing was enrolled. Make a new code.",
    ),
    "key-known": (
        409,
        "この鍵は別の登録で使われています。登録していません。"
        "新しい保存フォルダーを指定するか、前の登録をそのまま使ってください。",
        "This key belongs to an enrolled agent. Nothing was enrolled. "
        "Use a new state folder, or go on with the earlier enrolment.",
    ),
    "slow": (
        408,
        "データが時間内に届きませんでした。受け取っていません。通信の状態を確かめてください。記録はエージェントに残り、あとで送られます。",
        "The upload did not arrive in time. Nothing was taken in. Check the network; the records stay with the "
        "agent and are sent later.",
    ),
    "busy": (
        503,
        "いま多くのエージェントが送っているため、受け取れません。記録はエージェントに残り、まもなく自動で送り直されます。",
        "Many agents are uploading just now. Nothing was taken in; the records stay with the agent and are sent "
        "again soon.",
    ),
    "backlog": (
        429,
        "届いた記録の台帳への反映が追いついていません。受け取っていません。記録はエージェントに残り、あとで自動で送り直されます。"
        "続くときは、台帳サーバーで daicho uploads list を実行してください。",
        "What came before still waits to enter the ledger. Nothing was taken in; the records stay with the agent "
        "and are sent again later. If it goes on, run daicho uploads list on the collector.",
    ),
    "disk-full": (
        507,
        "台帳サーバーのディスクの空きがほとんどありません。受け取っていません。記録はエージェントに残ります。"
        "台帳サーバーの空きを増やしてください。あとで自動で送り直されます。",
        "The collector's disk is nearly full. Nothing was taken in; the records stay with the agent. Make room on "
        "the collector; they are sent again by themselves.",
    ),
    "unavailable": (
        503,
        "台帳に書けません（データベースが応えないか、使用中です）。受け取っていません。記録はエージェントに残り、自動で送り直されます。"
        "続くときは、台帳サーバーのデータベースを確かめてください。",
        "The ledger cannot be written: its database does not answer or is busy. Nothing was taken in; the records "
        "stay with the agent and are sent again. If it goes on, check the collector's database.",
    ),
}
_RETRY_AFTER = {"busy": 5, "backlog": 120, "disk-full": 300, "unavailable": 10}  # seconds


class Problem(Exception):
    """A refusal by its name in the table above; `more` are further members of the answer."""

    def __init__(self, name: str, **more: object) -> None:
        super().__init__(name)
        self.name = name
        self.more = more

    def response(self) -> JSONResponse:
        """Give the answer as problem+json."""
        status, ja, en = _PROBLEMS[self.name]
        response = problem_response(self.name, status, ja, en, self.more)
        if after := _RETRY_AFTER.get(self.name):
            response.headers["Retry-After"] = str(after)
        return response


_REFUSALS: dict[type[agents.AgentRefused], str] = {
    agents.CodeUnknown: "code-unknown",
    agents.CodeUsed: "code-used",
    agents.CodeExpired: "code-expired",
    agents.KeyKnown: "key-known",
    agents.AgentRevoked: "revoked",
    agents.AgentOfClosed: "facility-closed",
    agents.Replayed: "replayed",
}


def refusal(error: agents.AgentRefused) -> Problem:
    """Name what the ledger refused; a replay also says after which sequence to go on."""
    more = {"sequence": error.last} if isinstance(error, agents.Replayed) else {}
    return Problem(_REFUSALS[type(error)], **more)


def trouble(error: Exception) -> Problem:
    """Name what kept the ledger from being written: no room, or anything that passes."""
    seen: BaseException | None = error
    while seen is not None:
        cause = getattr(seen, "orig", None)
        if (
            getattr(cause, "sqlite_errorname", "") == "SQLITE_FULL"
            or getattr(cause, "sqlstate", "") == "53100"
        ):
            return Problem("disk-full")
        seen = seen.__cause__
    return Problem("unavailable")
