# SPDX-License-Identifier: Apache-2.0
"""What an assessment says, in plain sentences."""

from collections.abc import Iterable

from collector.advisories.assessment import Assessment, Kind
from collector.advisories.support import End, State
from collector.verdict import Text

MOST_NAMED = 5


def sentence(one: Assessment, who: str) -> Text:
    """Say it of the device called `who`; the caller has made the name safe."""
    return _SENTENCES[one.kind](one, who)


def source_text(one: Assessment) -> str:
    """Name the source with its day and age, for both languages."""
    entry = "版は台帳の記入による / version as typed in the ledger" if one.typed else ""
    return "; ".join(part for part in (_data_text(one), entry) if part)


def _data_text(one: Assessment) -> str:
    if not one.source:
        return ""
    age = "" if one.age is None else f"、{one.age} 日前 / {one.age} days old"
    return f"{one.source} ({one.as_of}{age})" if one.as_of else one.source


def missing_sentence(ones: list[Assessment], who: str) -> Text:
    """Say of how many exploited weaknesses nobody can tell whether this version has them."""
    ids = [one.id for one in ones]
    named = "、".join(ids[:MOST_NAMED]) + (
        f" ほか {len(ids) - MOST_NAMED} 件" if len(ids) > MOST_NAMED else ""
    )
    listed = ", ".join(ids[:MOST_NAMED]) + (
        f" and {len(ids) - MOST_NAMED} more" if len(ids) > MOST_NAMED else ""
    )
    first = ones[0]
    return Text(
        f"{who}（{first.title} {first.version}）: 次の脆弱性に当たるかどうかを、手元のデータでは決められません: {named}。",
        f"{who} ({first.title} {first.version}): the data at hand cannot decide whether it has: {listed}.",
    )


def _affected(one: Assessment, who: str) -> Text:
    use_ja = "悪用が確認されている脆弱性" if one.exploited else "知られている脆弱性"
    use_en = "a weakness that attackers use" if one.exploited else "a known weakness"
    ransom_ja = "ランサムウェアでの悪用が知られています。" if one.ransomware else ""
    ransom_en = " It is known to be used by ransomware." if one.ransomware else ""
    when_ja = f"、{one.since} から公知" if one.since else ""
    when_en = f", known since {one.since}" if one.since else ""
    ja = f"{who}: {one.title} {one.version} は{use_ja} {one.id}（{one.name_ja or one.name}{when_ja}）に当たる版です。"
    en = f"{who}: {one.title} {one.version} has {use_en}, {one.id} ({one.name}{when_en})."
    if one.condition:
        ja += f"影響があるのは次を使う場合です: {one.condition_ja or one.condition}。"
        en += f" It matters where this is in use: {one.condition}."
    fix = _fix(one)
    past = _past_mitigation(one)
    doubt = Text("", "") if one.confirmed else _DOUBT
    return Text(ja + ransom_ja + fix.ja + past.ja + doubt.ja, en + ransom_en + fix.en + past.en + doubt.en)


_DOUBT = Text(
    "このデータは製造元の公表と照らし合わせていないため、疑いとして示します。",
    " This was not checked against the maker's advisory, so it is shown as a suspicion.",
)


def _fix(one: Assessment) -> Text:
    if one.no_fix and one.fixed_in:
        return Text(
            f"この系列には修正版が出ません。直っている系列の版: {one.fixed_in}。",
            f" No fix will come on this branch; mended on other branches: {one.fixed_in}.",
        )
    if one.no_fix:
        return Text("この系列には修正版が出ません。", " No fix will come on this branch.")
    if one.fixed_in.startswith("> "):
        return Text(
            f"{one.fixed_in[2:]} より新しい版で直ります。", f" Mended in versions above {one.fixed_in[2:]}."
        )
    if one.fixed_in:
        return Text(f"{one.fixed_in} で直ります。", f" Mended in {one.fixed_in}.")
    return Text("", "")


def _past_mitigation(one: Assessment) -> Text:
    if one.mitigation is None:
        return Text("", "")
    until = one.mitigation.until.isoformat() if one.mitigation.until else ""
    return Text(
        f"{one.mitigation.vendor} の対処済みという説明は期限（{until}）を過ぎています。",
        f" {one.mitigation.vendor}'s statement that it is dealt with expired ({until}).",
    )


def _ended(one: Assessment, who: str) -> Text:
    when = one.since
    ja = f"{who}: {one.title} {one.version} は製造元のサポートが終了しています" + (
        f"（{when} まで）。" if when else "。"
    )
    en = f"{who}: the maker no longer supports {one.title} {one.version}" + (
        f" (until {when})." if when else "."
    )
    if len(one.ends) > 1:
        listed = ends_text(one.ends)
        ja += f"どの版としても期限を過ぎています: {listed.ja}。"
        en += f" Whichever release it is, its support has ended: {listed.en}."
    past = _past_mitigation(one)
    return Text(ja + past.ja, en + past.en)


def _unclear(one: Assessment, who: str) -> Text:
    listed = ends_text(one.ends)
    if one.state is State.EXTENDED:
        return Text(
            f"{who}: {one.title} {one.version} の通常サポートは終わっています（{listed.ja}）。"
            "延長サポート（有償または申込制）に入っているかどうかは調査では分かりません。",
            f"{who}: regular support of {one.title} {one.version} has ended ({listed.en})."
            " A scan cannot see whether extended support (bought or joined) is in place.",
        )
    return Text(
        f"{who}: {one.title} {one.version} は次のどれかで、サポート期限が異なります: {listed.ja}。どれであるかは通信からは分かりません。",
        f"{who}: {one.title} {one.version} may be any of these, with different ends of support: {listed.en}."
        " The network does not show which.",
    )


def ends_text(ends: Iterable[End]) -> Text:
    """List the releases with the last day of their support."""
    ja, en = [], []
    for one in ends:
        more_ja = f"、延長は {one.extended} まで" if one.extended else ""
        more_en = f", extended until {one.extended}" if one.extended else ""
        ja.append(f"{one.label}: {one.last or ('終了' if one.past else '継続中')}{more_ja}")
        en.append(f"{one.label}: {one.last or ('ended' if one.past else 'going on')}{more_en}")
    return Text("、".join(ja), "; ".join(en))


def _mitigated(one: Assessment, who: str) -> Text:
    said = one.mitigation
    if said is None:
        return _affected(one, who)
    until = said.until.isoformat() if said.until else ""
    ja_until, en_until = (
        (f"（{until} まで有効）", f" (valid until {until})") if until else ("（期限なし）", " (no end)")
    )
    paper_ja = "" if said.attachments else "根拠の資料は付いていません。"
    paper_en = "" if said.attachments else " No evidence is attached."
    return Text(
        f"{who}: {one.title} {one.version} は {one.id} に当たる版ですが、{said.vendor}（{said.by}、{said.on}）は"
        f"「{said.says}」と説明しています{ja_until}。版そのものは直っていません。{paper_ja}",
        f"{who}: {one.title} {one.version} falls under {one.id}, but {said.vendor} ({said.by}, {said.on}) says:"
        f" “{said.says}”{en_until}. The version itself is not mended.{paper_en}",
    )


def _untold(one: Assessment, who: str) -> Text:
    if not one.product:
        return Text(
            f"{who}: 何の製品かを機器が答えないため、版の良否を決められません。",
            f"{who}: the device does not say what product it is, so its version cannot be judged.",
        )
    if one.version:
        return Text(
            f"{who}: {one.title} {one.version} までは分かりますが、どこまで修正を適用しているかを機器が答えません。",
            f"{who}: it tells {one.title} {one.version}, but not which patches are applied.",
        )
    return Text(
        f"{who}: {one.title} とみられますが、版を機器が答えません。",
        f"{who}: it seems to be {one.title}, but the device does not tell its version.",
    )


def _contradicts(one: Assessment, who: str) -> Text:
    others = "、".join(one.others)
    return Text(
        f"{who}: {one.title} の版について、応答によって {one.version} と {others} の違いがあります。どちらが正しいか決められません。",
        f"{who}: its answers differ on the version of {one.title}: {one.version} and {', '.join(one.others)}."
        " Which is right cannot be told.",
    )


def _no_scheme(one: Assessment, who: str) -> Text:
    return Text(
        f"{who}: {one.title} の版「{one.version}」は書き方が分からず、比べられません。",
        f"{who}: the version “{one.version}” of {one.title} is written in a way we cannot compare.",
    )


def _backported(one: Assessment, who: str) -> Text:
    return Text(
        f"{who}: {one.title} {one.version} は、OS の配布元が版の番号を変えずに修正することがあるため、番号からは判定できません。",
        f"{who}: {one.title} {one.version}: distributions mend it without raising the number, so the number decides nothing.",
    )


def _no_data(one: Assessment, who: str) -> Text:
    what = Text("悪用が確認されている脆弱性の一覧", "the list of exploited weaknesses")
    if one.id.startswith("eol"):
        what = Text("サポート期限", "the end of support")
    return Text(
        f"{who}: {one.title} {one.version} について、{what.ja}のデータがありません。",
        f"{who}: there is no data on {what.en} for {one.title} {one.version}.",
    )


def _old_data(one: Assessment, who: str) -> Text:
    if one.age is None or one.age < 0:
        return Text(
            f"{who}: {one.title} {one.version} を調べたデータの日付（{one.as_of or 'なし'}）が使えません。",
            f"{who}: the day of the data on {one.title} {one.version} ({one.as_of or 'none'}) is of no use.",
        )
    return Text(
        f"{who}: {one.title} {one.version} を調べたデータが {one.as_of} のもの（{one.age} 日前）で、古すぎます。",
        f"{who}: the data on {one.title} {one.version} is of {one.as_of} ({one.age} days old), too old.",
    )


def _behind(one: Assessment, who: str) -> Text:
    return Text(
        f"{who}: {one.title} {one.version} より新しい {one.fixed_in} が出ています（{one.as_of} 時点）。",
        f"{who}: {one.fixed_in} is newer than its {one.title} {one.version} (as of {one.as_of}).",
    )


def _sound(one: Assessment, who: str) -> Text:
    return Text(
        f"{who}: {one.title} {one.version} に当たる脆弱性は一覧になく、サポート期間内です。",
        f"{who}: no listed weakness falls on {one.title} {one.version}, and it is supported.",
    )


_SENTENCES = {
    Kind.AFFECTED: _affected,
    Kind.SOUND: _sound,
    Kind.END_OF_SUPPORT: _ended,
    Kind.SUPPORT_UNCLEAR: _unclear,
    Kind.MITIGATED: _mitigated,
    Kind.UNTOLD: _untold,
    Kind.CONTRADICTS: _contradicts,
    Kind.NO_SCHEME: _no_scheme,
    Kind.BACKPORTED: _backported,
    Kind.NO_DATA: _no_data,
    Kind.UNCONFIRMED: _no_data,
    Kind.BEHIND: _behind,
    Kind.OLD_DATA: _old_data,
}
