"""What the review of a run says: progress, every exclusion in full, and what was decided on each station."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from smcore.report.markup import Html, data, join, listing, paragraph, section, table, tag
from smcore.report.material import Material
from smcore.review import words
from smcore.review.state import SubjectReview
from smcore.validation.exclusions import Exclusion


def exclusions(material: Material) -> Html:
    """Periods that are left out: those that the numbers of the run were computed with, and those of the review."""
    inside = material.record["options"].get("exclusions") or []
    parts: list[object] = []
    if inside:
        rows = [[data(one["subject"]), *_period(one), _reason(one["reason"])] for one in inside]
        parts.append(table(f"Left out of the numbers of this run: {len(rows)}", _HEAD, rows))
    else:
        parts.append(paragraph("The numbers of this run were computed with nothing excluded."))
    if material.review is not None:
        blind = set(material.review.exclusions(blind=True))
        standing = material.review.exclusions()
        rows = [
            [data(one.subject), *_period(one.record()), _reason(one.reason), "yes" if one in blind else "no"]
            for one in standing
        ]
        if rows:
            parts.append(table(f"Excluded in the review: {len(rows)}", [*_HEAD, "Decided blind"], rows))
        else:
            parts.append(paragraph("Nothing is excluded in the review."))
    return section("Exclusions", *parts, id_="exclusions")


_HEAD = ["Station", "From [UTC]", "To [UTC]", "Reason"]


def progress(material: Material) -> Html:
    """How far the review is, and by whom; nothing where there is no log."""
    review = material.review
    if review is None:
        return section("Review", paragraph("There is no review log beside this run."), id_="review")
    counts = review.counts(material.stations["subject"])
    states = [[state, words.STATES[state], number] for state, number in counts.items()]
    verdicts = [review.of(subject).verdict for subject in material.stations["subject"]]
    given = [[number, told, verdicts.count(number)] for number, told in words.VERDICTS.items()]
    readers = dict.fromkeys(event.reviewer for event in review.events)
    decisions = [event for event in review.events if event.action in words.UNDOABLE]
    blind = sum(event.conditions.blind for event in decisions)
    headline = sum(event.conditions.headline for event in decisions)
    return section(
        "Review",
        paragraph(f"{material.review_fault}. What can be read of it is below.", class_="warn")
        if material.review_fault
        else "",
        paragraph("Read by ", join([data(name) for name in readers], ", ") if readers else "nobody", "."),
        paragraph(
            f"{blind} of {len(decisions)} decisions were made blind, {headline} with the headline in sight."
            if decisions
            else "No decision was made yet."
        ),
        table("Stations by state", ["State", "Meaning", "Stations"], states),
        table("Stations by verdict", ["Verdict", "Meaning", "Stations"], given, named=2),
        id_="review",
    )


def of_station(review: SubjectReview) -> Html:
    """What was decided on one station, with its whole history."""
    state = f"{review.state}: {words.STATES[review.state]}"
    verdict = "none" if review.verdict is None else f"{review.verdict} {words.VERDICTS[review.verdict]}"
    facts: list[tuple[str, object]] = [("State", state), ("Verdict", verdict)]
    if review.reasons:
        facts.append(("Reasons", "; ".join(f"{code}: {words.REASONS[code]}" for code in review.reasons)))
    if review.reviewers:
        facts.append(("Read by", join([data(name) for name in review.reviewers], ", ")))
    if review.is_flagged:
        facts.append(("Flag", "set"))
    left_out = [join([*_span(one), ": ", _reason(one.reason)]) for one in review.exclusions]
    return join(
        [
            tag("dl", *(join([tag("dt", name), tag("dd", value)]) for name, value in facts), class_="facts"),
            join([tag("h4", "Excluded"), listing(left_out)]) if left_out else "",
            join([tag("h4", "Notes"), listing([_note(event) for event in review.notes])]) if review.notes else "",
            _history(review),
        ]
    )


def _note(event: Any) -> Html:
    return join([data(event.payload["text"]), tag("span", f" {event.reviewer}, {event.time[:10]}", class_="hint")])


def _history(review: SubjectReview) -> Html:
    rows = []
    for line in review.history:
        event = line.event
        seen = ["blind" if event.conditions.blind else "names seen"]
        seen += ["headline seen"] if event.conditions.headline else []
        told = words.ACTIONS[event.action] + (f" ({line.effect})" if line.effect else "")
        when = f"{event.time[:19].replace('T', ' ')}"
        rows.append([when, data(event.reviewer), told, data(_said(event.payload)), ", ".join(seen)])
    return table("History of the review", ["Time [UTC]", "Reviewer", "What", "Details", "Saw"], rows)


def _said(payload: Mapping[str, Any]) -> str:
    """What an event carries, for people: ids of other events are left out."""
    told = []
    for key, value in payload.items():
        if key in ("event", "exclusions") or value in ("", [], None):
            continue
        told.append(f"{key} {', '.join(map(str, value)) if isinstance(value, list | tuple) else value}")
    return "; ".join(told)


def _reason(code: str) -> Html:
    told = words.REASONS.get(code, "")
    return join([data(code or "none given"), f": {told}" if told else ""])


def _period(one: Mapping[str, Any]) -> list[object]:
    return [str(one["start"]).replace("T", " ") or "the beginning", str(one["end"]).replace("T", " ") or "the end"]


def _span(one: Exclusion) -> list[object]:
    return [join(_period(one.record()), " to ")]
