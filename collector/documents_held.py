# SPDX-License-Identifier: Apache-2.0
"""Documents that the facility says it holds: which of them can be shown today. Pure."""

from collections.abc import Iterable
from datetime import date, timedelta

from collector.case import Case
from collector.verdict import Judged, Text, Verdict
from inventory_db.stated import Document

HOLDS_FOR = timedelta(days=3 * 365 + 1)  # a document without a stated end


def held(case: Case, types: Iterable[str]) -> tuple[Document, ...]:
    """Give the documents of these types that are dated today or before, newest first."""
    wanted, today = set(types), case.today
    found = [one for one in case.said(Document) if one.type in wanted and one.on <= today]
    return tuple(sorted(found, key=lambda one: one.on, reverse=True))


def can_be_shown(case: Case, document: Document) -> bool:
    """Whether its file is here and it has not run out."""
    return holds_today(case, document) and has_file(case, document.attachments)


def holds_today(case: Case, document: Document) -> bool:
    """Whether it has not run out; without a stated end it holds for HOLDS_FOR from its date."""
    if document.valid_until is None:
        return case.today - document.on <= HOLDS_FOR
    return document.valid_until >= case.today


def ended(document: Document) -> Text:
    """Say when a document that does not hold any more ran out."""
    if document.valid_until is None:
        years = HOLDS_FOR.days // 365
        return Text(
            f"期限の記入がなく、日付（{document.on}）から{years}年を過ぎています。",
            f"no end is stated and it is dated {document.on}, more than {years} years ago.",
        )
    return Text(f"期限（{document.valid_until}）が過ぎています。", f"it ran out on {document.valid_until}.")


def has_file(case: Case, attachments: Iterable[str]) -> bool:
    """Whether at least one of these attachments is in the ledger."""
    return any(id in case.attachments for id in attachments)


def is_valid(until: date | None, today: date) -> bool:
    """Whether something without end, or with this last day, still holds."""
    return until is None or until >= today


def judge_document(case: Case, type: str, name: Text) -> Judged:
    """Judge an item that asks for one document: supported by its file, otherwise a person confirms."""
    documents = held(case, (type,))
    good = next((one for one in documents if can_be_shown(case, one)), None)
    if good:
        return Judged(
            verdict=Verdict.SUPPORTS_YES,
            reason=Text(
                f"{name.ja}（{good.on.isoformat()} 付）のファイルが保管されています。中身は人が確かめます。",
                f"{name.en} of {good.on.isoformat()} is kept as a file. A person checks what it says.",
            ),
            toward_yes=Text("見直しの期限を守ってください。", "Review it in time."),
            from_scan=False,
        )
    return Judged(
        verdict=Verdict.ASK_PERSON,
        reason=_lack(case, documents, name),
        toward_yes=Text(
            f"{name.ja}を作り、日付を添えてファイルを添付してください。立入検査では現物を見せます。",
            f"Make {name.en} and attach its file with its date. The inspector looks at the document itself.",
        ),
        from_scan=False,
    )


def _lack(case: Case, documents: tuple[Document, ...], name: Text) -> Text:
    if not documents:
        return Text(f"{name.ja}の記録がありません。", f"There is no record of {name.en}.")
    if not holds_today(case, documents[0]):
        why = ended(documents[0])
        return Text(f"{name.ja}の{why.ja}", f"{name.en}: {why.en}")
    return Text(
        f"{name.ja}があるという記入だけで、ファイルがここにありません。",
        f"{name.en} is only stated; its file is not here.",
    )
