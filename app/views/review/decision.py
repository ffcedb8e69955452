"""What a reviewer decides on a station: verdict, reasons, signature, exclusions, flag and notes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import panel as pn

from app.page.boundary import follow, guarded, together
from app.page.controls import button, esc, styled, text
from app.page.language import mark, tr
from app.page.words import said_of
from app.review.period import period_text
from app.review.store import ReviewStore
from app.selection import Selection
from app.views.review.reasons import Reasons
from smcore.errors import ReviewError, SmcoreError
from smcore.review import words
from smcore.review.events import Event, same_person

WHOLE = ""
SHORT = {1: mark("repr."), 2: mark("usable"), 3: mark("doubtful"), 4: mark("not repr."), 5: mark("fault")}
"""Verdict → what its button says."""
_EQUAL: dict[str, Any] = {"sizing_mode": "stretch_width", "css_classes": ["tight"], "margin": (2, 4, 2, 0)}
"""Buttons that share a row evenly, however wide the inspector is."""


class Decision:
    """The decision on the chosen station in one session."""

    def __init__(self, selection: Selection, review: ReviewStore) -> None:
        self.selection, self.review = selection, review
        self.decided: Callable[[], None] = lambda: None  # after an event of this tab
        self.waits: Callable[[Callable[[], Any]], bool] = lambda _: False  # while a station is being opened
        self._subject = ""
        self.verdicts = {
            number: button(
                f"{number} {tr(said)}", self._giver(number), description=f"{number}: {tr(words.VERDICTS[number])}",
                **_EQUAL,
            )
            for number, said in SHORT.items()
        }  # fmt: skip
        self.reasons = Reasons(self._reasoned)
        self.sign = button(tr("Sign (s)"), self._safe(self.do_sign), kind="primary", **_EQUAL)
        self.accept = button(tr("Accept (a)"), self._safe(self.do_accept), visible=False, **_EQUAL)
        self.dispute = button(tr("Dispute (d)"), self._safe(self.do_dispute), visible=False, **_EQUAL)
        self.flag = button(tr("Flag (f)"), self._safe(self.do_flag), **_EQUAL)
        self.undo = button(tr("Undo (u)"), self._safe(self.do_undo), **_EQUAL)
        self.help = button(tr("Keys (?)"), self._safe(self.do_help), **_EQUAL)
        self.second = pn.Row(self.accept, self.dispute, sizing_mode="stretch_width", margin=0, visible=False)
        self.said, self.keys = text(margin=(0, 0, 4, 0)), text(visible=False)
        self.told = text('<div class="told" role="status" aria-live="polite"></div>', margin=(0, 0, 2, 0))
        self.note = styled(
            pn.widgets.TextInput(
                placeholder=tr("a note; Enter keeps it"),
                tags=["unsent"],
                max_length=4000,
                sizing_mode="stretch_width",
                margin=(2, 0, 4, 0),
            )
        )
        self.marked, self.exclusions = text(margin=(2, 0)), text(margin=(2, 0))
        self.why = styled(
            pn.widgets.Select(
                label=tr("Reason of the exclusion"), options={tr("choose one …"): ""} | reasons(),
                sizing_mode="stretch_width", margin=(2, 4, 2, 0),
            )
        )  # fmt: skip
        self.exclude = button(tr("Exclude (x)"), self._safe(self.do_exclude), kind="primary", **_EQUAL)
        self.whole = button(tr("Whole record"), self._safe(self.mark_whole), **_EQUAL)
        self.clear = button(tr("Clear"), self._safe(self.unmark), **_EQUAL)
        self.box = pn.Column(sizing_mode="stretch_width", margin=0)
        self._wire()

    def _wire(self) -> None:
        self.note.param.watch(lambda _: self._noted(), "enter_pressed")  # leaving the field keeps no note
        follow(self.selection, ["marked"], self._show_marked)
        self.box[:] = [
            _even(*self.verdicts.values()), self.reasons, _even(self.sign, self.flag, self.undo, self.help),
            self.second, self.told, self.keys, self.said, self.note, self.marked, self.why,
            _even(self.exclude, self.whole, self.clear), self.exclusions,
        ]  # fmt: skip

    def __panel__(self) -> pn.viewable.Viewable:
        """The decision."""
        return self.box

    # -- what is shown -------------------------------------------------------------------------------------------
    def show(self, subject: str) -> None:
        """Show what was decided on a station; nothing where none is chosen."""
        self.box.visible = bool(subject)
        if not subject:
            return
        one, reviewer = self.review.review.of(subject), self.selection.reviewer
        own = one.verdict_of(reviewer) if reviewer else None
        chosen = own.verdict if own is not None else None
        for number, widget in self.verdicts.items():
            widget.color = "primary" if number == chosen else "default"
        if own is not None:
            self.reasons.show(list(own.reasons))
        if subject != self._subject:  # what is being written here must not go when others decide something
            self._subject = subject
            if own is None:
                self.reasons.show([])
            self.note.param.update(value="", value_input="")
            self.why.value = ""
        by_other = one.signed is not None and not same_person(one.signed.reviewer, reviewer or "\0")
        by_other = by_other and not self.review.conceals(subject)
        self.accept.visible = self.dispute.visible = self.second.visible = by_other
        self.flag.color = "primary" if one.is_flagged else "default"
        self.said.object = self._said(subject)
        self.exclusions.object = self._exclusions(subject)
        self._show_marked()

    def _said(self, subject: str) -> str:
        """Who has said what so far."""
        one = self.review.review.of(subject)
        is_concealed, lines = self.review.conceals(subject), []
        if is_concealed and one.signed is not None:
            lines.append(tr("Blind: somebody has signed here; you see what, once you have given your own verdict."))
        if one.signed is not None and one.signed.verdict is not None and not is_concealed:
            verdict = tr(words.VERDICTS[one.signed.verdict])
            lines.append(
                tr("Signed by {name}: {n}, {verdict}", name=one.signed.reviewer, n=one.signed.verdict, verdict=verdict)
            )
        if one.second is not None and not is_concealed:
            name = one.second.reviewer
            lines.append(
                tr("Accepted by {name}", name=name) if one.has_accepted else tr("Disputed by {name}", name=name)
            )
        if one.signed is not None and not one.stands_as_signed:
            lines.append(tr("The exclusions are not those that were signed."))
        reviewer = self.selection.reviewer or "\0"
        notes = [event for event in one.notes if not is_concealed or same_person(event.reviewer, reviewer)]
        lines += [f"«{event.payload['text']}» {event.reviewer}" for event in notes[-4:]]
        return "".join(f"<div>{esc(line)}</div>" for line in lines)

    def _exclusions(self, subject: str) -> str:
        one = self.review.review.of(subject)
        if not one.excluded:
            return f'<div class="muted">{esc(tr("Nothing is excluded here. A verdict alone excludes nothing."))}</div>'
        rows = []
        for event in one.excluded.values():
            period, why = (
                period_text(event.payload["start"], event.payload["end"]),
                tr(words.REASONS[event.payload["reason"]]),
            )
            back = f'<button type="button" class="link" data-open="restore:{esc(event.id)}">{tr("take back")}</button>'
            rows.append(f"<div>{esc(period)}: {esc(why)}, {esc(event.reviewer)} {back}</div>")
        return f'<h4 class="tight">{tr("Excluded here")}</h4>{"".join(rows)}'

    def _show_marked(self) -> None:
        marked = self.review.marked
        self.exclude.visible = self.clear.visible = marked is not None
        self.marked.object = (
            f'<div class="muted">{esc(tr("Drag over a period of the series to exclude it."))}</div>'
            if marked is None
            else f"<b>{esc(period_text(*marked))}</b> UTC, {esc(tr('both included'))}"
        )

    def _giver(self, verdict: int) -> Callable[[Any], None]:
        return self._safe(lambda: self.give(verdict))

    def tell(self, sentence: str, *, is_wrong: bool = False) -> None:
        """Say beside the buttons what became of the last act; '' says nothing."""
        look = "wrong" if is_wrong else "muted"
        self.told.object = f'<div class="told {look}" role="status" aria-live="polite">{esc(sentence)}</div>'

    def act(self, action: Callable[[], Any]) -> None:
        """Do what a key or a button asks; a refusal is said beside the buttons."""
        if self.waits(action):
            return
        self.tell("")
        try:
            action()
        except SmcoreError as error:
            self.tell(said_of(error), is_wrong=True)

    def _safe(self, action: Callable[[], Any]) -> Callable[[Any], None]:
        return lambda _: self.act(action)

    # -- what is done --------------------------------------------------------------------------------------------
    def give(self, verdict: int) -> None:
        """Give a verdict, with the reasons that are chosen."""
        self._act(words.VERDICT, {"verdict": verdict, "reasons": list(self.reasons.value)})

    def turn_reason(self, code: str) -> None:
        """Choose a reason of the verdict, or choose it no more."""
        guarded(self.act)(lambda: self.reasons.turn(code))

    def _reasoned(self, chosen: list[str]) -> None:
        """A verdict that was given already has its reasons changed at once; one to come will carry them."""
        own = self._own()
        if own is not None and list(own.reasons) != chosen:
            self._act(words.VERDICT, {"verdict": own.verdict, "reasons": chosen})

    def do_sign(self) -> None:
        """Sign the own verdict with the exclusions that stand."""
        own = self._own()
        if own is None:
            raise ReviewError(tr("There is no verdict of yours to sign"), hint=tr("press 1 to 5 first"))
        payload = {
            "verdict": own.verdict,
            "reasons": list(own.reasons),
            "exclusions": list(self.review.current.excluded),
        }
        self._act(words.SIGN, payload)

    def do_accept(self) -> None:
        """Accept what another has signed."""
        self._act(words.ACCEPT, {"event": self._signature()})

    def do_dispute(self) -> None:
        """Dispute what another has signed, with the own verdict if there is one."""
        own = self._own()
        verdict, reasons_ = (own.verdict, list(own.reasons)) if own is not None else (None, [])
        self._act(words.DISPUTE, {"event": self._signature(), "verdict": verdict, "reasons": reasons_, "text": ""})

    def do_flag(self) -> None:
        """Set the flag, or remove it."""
        self._act(words.FLAG, {"on": not self.review.current.is_flagged})

    def do_undo(self) -> None:
        """Take back the own last decision, on whichever station it was."""
        last = self.review.review.undoable(self.selection.reviewer)
        if last is None:
            raise ReviewError(tr("There is nothing of yours to undo"))
        self.review.act(words.UNDO, {"event": last.id}, subject=last.subject)
        if last.subject == self.review.subject:
            self.tell(tr("Undone: {what}", what=_undone(last)))
        else:
            self.review.choose(last.subject)
            self.tell(tr("Undone: {what}, {subject}", what=_undone(last), subject=last.subject))
        self.decided()

    def do_help(self) -> None:
        """Show the keys, or hide them."""
        self.keys.visible = not self.keys.visible
        self.keys.object = keys() if self.keys.visible else ""

    def do_exclude(self) -> None:
        """Exclude the marked period."""
        marked = self.review.marked
        if marked is None:
            raise ReviewError(tr("No period is marked"), hint=tr("drag over one in the series"))
        self._exclude(*marked)

    def mark_whole(self) -> None:
        """Exclude the whole record."""
        self._exclude(WHOLE, WHOLE)

    def _exclude(self, start: str, end: str) -> None:
        if not self.why.value:
            raise ReviewError(tr("An exclusion needs a reason"), hint=tr("choose one below"))
        self._act(words.EXCLUDE, {"start": start, "end": end, "reason": self.why.value, "text": ""})
        self.why.value = ""
        self.unmark()

    def restore(self, event: str) -> None:
        """Take an exclusion back."""
        self._act(words.RESTORE, {"event": event, "text": ""})

    def unmark(self) -> None:
        """Forget the marked period."""
        self.selection.marked = ""

    def _noted(self) -> None:
        said = (self.note.value_input or self.note.value).strip()
        if said:
            together(guarded(self.act))(lambda: self._note(said))

    def _note(self, said: str) -> None:
        self._act(words.NOTE, {"text": said})
        self.note.param.update(value="", value_input="")
        self.tell(tr("The note is kept."))

    def _act(self, action: str, payload: dict[str, Any]) -> None:
        if not self.review.subject:
            raise ReviewError(tr("No station is chosen"), hint=tr("press j for the first"))
        self.review.act(action, payload)
        self.decided()

    def _own(self) -> Any:
        reviewer = self.selection.reviewer
        return self.review.current.verdict_of(reviewer) if reviewer else None

    def _signature(self) -> str:
        signed = self.review.current.signed
        if signed is None:
            raise ReviewError(tr("Nothing is signed here yet"))
        if self.review.conceals(self.review.subject):
            raise ReviewError(tr("The review is blind: your own verdict comes first"), hint=tr("press 1 to 5 first"))
        return signed.event.id


def reasons() -> dict[str, str]:
    """What a reason says → its code."""
    return {tr(said): code for code, said in words.REASONS.items()}


def keys() -> str:
    """The keys of the desk as markup."""
    told = (
        ("j k", tr("next, previous station")), ("1 – 5", tr("verdict")), ("s", tr("sign")),
        ("a d", tr("accept, dispute")),
        ("x", tr("exclude the marked period")), ("f", tr("flag")), ("u", tr("undo")), ("?", tr("these keys")),
    )  # fmt: skip
    verdicts = "".join(f"<div>{n}: {esc(tr(said))}</div>" for n, said in words.VERDICTS.items())
    rows = "".join(f'<span class="key"><b>{key}</b> {esc(said)}</span>' for key, said in told)
    return f'{rows}<div class="muted">{verdicts}</div>'


def _even(*parts: Any) -> pn.Row:
    return pn.Row(*parts, sizing_mode="stretch_width", margin=0)


def _undone(event: Event) -> str:
    """What an event was that is undone: a flag set or removed, a verdict with its number, a period."""
    if event.action == words.FLAG:
        return tr("the flag was set") if event.payload["on"] else tr("the flag was removed")
    if event.action == words.VERDICT:
        return tr("verdict {n}", n=event.payload["verdict"])
    if event.action == words.EXCLUDE:
        return f"{tr(words.ACTIONS[event.action])}: {period_text(event.payload['start'], event.payload['end'])}"
    return tr(words.ACTIONS[event.action])
