"""The page of a station as markup: pure functions of what is known, every text from data escaped."""

from __future__ import annotations

import numpy as np

from app.page.controls import Markup, empty, esc, number, swatch, table
from app.page.language import tr
from app.page.words import word
from app.review.page import Facts, Page, lags, strip_columns
from app.review.period import period_text
from app.review.words import rule_said, said
from app.validation.note_words import note_said
from smcore.names import unit_label
from smcore.review import words
from smcore.review.events import same_person
from smcore.review.picture import SEASON_METRICS
from smcore.review.state import SubjectReview
from smcore.review.station.pairing_strip import PAIRED, PairingStrip, SideStrip
from smcore.review.suspicion.look import rule_source, rule_title
from smcore.validation.estimates import Number

Numbers = dict[str, Number]
METRICS = ("pearson_r", "bias", "ubrmsd")
HEADS = {"pearson_r": "R", "bias": "bias", "ubrmsd": "ubRMSD"}
STRIP_WIDTH = 380
REASON_COLOURS = ("#0072b2", "#d55e00", "#cc79a7", "#e69f00", "#009e73", "#56b4e9", "#999999", "#6a3d9a", "#b15928")
"""Of what became of a record, in the order of the reasons: paired ones first."""


def metrics_table(page: Page, labels: dict[str, str], colours: list[str], units: str) -> str:
    """Numbers of every product at the station, with their intervals, exclusions left out."""
    by_name = {panel.name: panel for panel in page.panels}
    rows = []
    for place, (name, label) in enumerate(labels.items()):
        panel = by_name.get(name)
        if panel is None:
            continue
        cells = [Markup(f"{swatch(colours[place % len(colours)])}{esc(label)}"), _count(panel.numbers)]
        rows.append((*cells, *(Markup(_number(panel.numbers, metric)) for metric in METRICS)))
    head = (tr("Product"), "n", *(HEADS[metric] for metric in METRICS))
    return table(head, rows, numeric=range(1, 5)) + f'<div class="muted">{esc(differences(units))}</div>'


def figure_buttons(page: Page, labels: dict[str, str]) -> str:
    """A button of each scatter that puts it into the figure."""
    there = {panel.name for panel in page.panels if not panel.is_left_out}
    said = tr("Put this scatter into the figure that is composed in Figures")
    buttons = "".join(
        f'<button type="button" class="to-figure" data-open="figure:pairs:{place}" title="{esc(said)}">{esc(label)}'
        "</button> "
        for place, (name, label) in enumerate(labels.items()) if name in there
    )  # fmt: skip
    return f'<div class="muted">{esc(tr("Add to figure"))}</div>{buttons}' if buttons else ""


def differences(units: str) -> str:
    """What the differences are in, and what stands in brackets."""
    return tr("bias and ubRMSD in {units}; [95 % interval]", units=unit_label(units))


def _count(numbers: Numbers) -> str:
    return f"{int(numbers['n'].value)}" if "n" in numbers and np.isfinite(numbers["n"].value) else "–"


def _number(numbers: Numbers, metric: str) -> str:
    one = numbers.get(metric)
    if one is None:
        return "–"
    if not np.isfinite(one.value):
        return esc(word(str(one.status)))
    limits = f'<span class="limits">[{number(one.lower)}, {number(one.upper)}]</span>' if np.isfinite(one.lower) else ""
    return f"{number(one.value)}{limits}"


def corner(numbers: Numbers) -> str:
    """What stands in the corner of a scatter: R, bias and ubRMSD with their intervals, and n."""
    lines = []
    for metric in ("pearson_r", "bias", "ubrmsd"):
        one = numbers.get(metric)
        if one is not None and np.isfinite(one.value):
            limits = f" [{number(one.lower, 2)}, {number(one.upper, 2)}]" if np.isfinite(one.lower) else ""
            lines.append(f"{HEADS[metric]} {number(one.value, 2 if metric == 'pearson_r' else 3)}{limits}")
    return "\n".join([*lines, f"n {_count(numbers)}"])


def seasons_table(page: Page, labels: dict[str, str], units: str) -> str:
    """Numbers of each season and product."""
    if page.least:
        return empty(tr("Numbers by season need the pairs, which are not in the bundle."))
    by_name = {panel.name: panel for panel in page.panels}
    rows = []
    for name, label in labels.items():
        for place, season in enumerate(by_name[name].seasons if name in by_name else ()):
            values = (number(season.values[metric]) for metric in SEASON_METRICS)
            rows.append((label if place == 0 else "", word(season.name), season.n, *values))
    head = (tr("Product"), tr("Season"), "n", *(HEADS[metric] for metric in SEASON_METRICS))
    told = tr("Winter is the cold half year's; a number needs 10 pairs; no intervals.")
    return table(head, rows, numeric=range(2, 6)) + f'<div class="muted">{esc(told)} {esc(differences(units))}</div>'


def suspicion_list(facts: Facts) -> str:
    """Marks with their rule, the strongest first; what could not be looked for."""
    marks = sorted(facts.suspicions, key=lambda one: -one.strength)
    rows = [
        (
            Markup(f'<span title="{esc(rule_source(one.rule))}">{esc(rule_said(rule_title(one.rule)))}</span>'),
            Markup(f"{esc(_period(one.start, one.end))}<br>{esc(said(one.sentence))}"),
            f"{one.strength:.2f}",
        )
        for one in marks
    ]
    told = (
        "" if rows else f'<div class="muted">{esc(tr("Nothing looks wrong by any rule that could be applied."))}</div>'
    )
    body = table((tr("Rule"), tr("Where and why"), tr("Strength")), rows, numeric=(2,)) if rows else told
    missing = "".join(
        f"<p>{esc(rule_said(rule_title(name)))}: {esc(said(why))}</p>" for name, why in facts.unapplied.items()
    )
    count = len(facts.unapplied)
    head = tr("{n} rules could not be applied", one="{n} rule could not be applied", n=count)
    return body + (f"<details><summary>{esc(head)}</summary>{missing}</details>" if missing else "")


def _period(start: str, end: str) -> str:
    return tr("the whole record") if not start and not end else f"{start[:10]} – {end[:10]}"


def representativeness_text(facts: Facts) -> str:
    """What the cell is made of, who else measures in it, and the error by triple collocation."""
    one = facts.representativeness
    if one is None:
        return f'<div class="muted">{esc(tr("The reference has no sensors: nothing is known of its cells."))}</div>'
    rows: list[tuple[object, ...]] = []
    if one.land_cover is not None:
        shares = ", ".join(f"{word(name)} {share:.0%}" for name, share in one.land_cover.shares[:4])
        rows.append((tr("Land cover"), f"{said(one.land_cover.sentence)}; {shares} ({one.land_cover.origin})"))
    if one.relief is not None:
        r = one.relief
        rows.append(
            (tr("Relief"), f"{r.mean:.0f} m ± {r.std:.0f} m ({r.lowest:.0f}–{r.highest:.0f} m); {r.station:.0f} m")
        )
    if one.sensors is not None:
        s = one.sensors
        beside = tr("{n} of like depth, mean R {r}, spread {spread} over {days} days", n=len(s.sensors),
                   r=number(s.mean_r, 2), spread=number(s.spread), days=s.days)  # fmt: skip
        rows.append((tr("Other sensors"), beside))
    rows += [
        (
            tr("Collocation error"),
            f"{t.triplet}: {number(t.err_std)} [{number(t.lower)}, {number(t.upper)}] {t.units}, n {t.n}",
        )
        for t in one.triple
    ]
    rows += [
        (tr(_PARTS.get(name, name)), Markup(f'<span class="muted">{esc(said(why))}</span>'))
        for name, why in one.missing.items()
    ]
    return table((tr("Of the cell"), ""), rows)


_PARTS = {
    "land cover": "Land cover", "relief": "Relief", "other sensors": "Other sensors",
    "collocation error": "Collocation error",
}  # fmt: skip


def strips_text(facts: Facts, labels: dict[str, str]) -> str:
    """Of every product: what became of each record on either side, as a strip over time and in numbers."""
    parts = []
    for name, label in labels.items():
        strip = facts.strips.get(name)
        if strip is not None:
            parts.append(_strip(strip, label))
    parts += [
        f'<div class="muted">{esc(note_said(why))}</div>'
        for name, why in facts.missing.items()
        if name.startswith("pairing")
    ]
    return "".join(parts)


def _strip(strip: PairingStrip, label: str) -> str:
    rows = "".join(
        f'<div class="strip" title="{esc(side_label)}">{_ticks(side)}</div>{_keys(side, side_label)}'
        for side, side_label in ((strip.product, label), (strip.reference, tr("station")))
    )
    told = [
        tr("{overpass}: {n} pairs, the station {lag} h later in the median, at most {most} h apart",
           overpass=word(name) if name else tr("all"), n=n, lag=number(lag, 2), most=number(most, 2))
        for name, n, lag, most in lags(strip) if np.isfinite(lag)
    ]  # fmt: skip
    return f"<p><b>{esc(label)}</b>, {esc(note_said(strip.rule))}</p>{rows}" + "".join(
        f'<div class="muted">{esc(t)}</div>' for t in told
    )


def _ticks(side: SideStrip) -> str:
    marks = []
    for name, columns in reversed(strip_columns(side, STRIP_WIDTH).items()):
        colour = _colour(side, name)
        path = "".join(f"M{x} {0 if name == PAIRED else 6}v{13 if name == PAIRED else 7}" for x in columns.tolist())
        marks.append(f'<path d="{path}" style="stroke:{colour};fill:none;opacity:1"/>')
    return f'<svg viewBox="0 0 {STRIP_WIDTH} 13" preserveAspectRatio="none" role="img">{"".join(marks)}</svg>'


def _colour(side: SideStrip, reason: str) -> str:
    return REASON_COLOURS[side.reasons.index(reason) % len(REASON_COLOURS)]


def _keys(side: SideStrip, label: str) -> str:
    keys = "".join(
        f'<span class="key">{swatch(_colour(side, name))}{n:,} {esc(word(name))}</span>'
        for name, n in side.counts.items()
    )
    return f'<div><span class="muted">{esc(label)}:</span> {keys}</div>'


def events_table(facts: Facts, labels: dict[str, str]) -> str:
    """Of every product: how its wettings and dry-downs compare with the station's."""
    rows = []
    for name, label in labels.items():
        one = facts.events.get(name)
        if one is not None:
            seen = one.count("matched") + one.count("missed")
            cells = (one.median_lag, one.median_amplitude_ratio, one.median_tau_ratio)
            rows.append((label, f"{one.count('matched')} / {seen}", len(one.drydowns), *(number(v, 2) for v in cells)))
    head = (tr("Product"), tr("Wettings"), tr("Dry-downs"), tr("lag [d]"), tr("amplitude ×"), tr("τ ×"))
    told = tr("Wettings seen of those that it could see; medians; amplitude and e-folding time τ over the station's.")
    return table(head, rows, numeric=range(1, 6)) + f'<div class="muted">{esc(told)}</div>'


def history_table(facts: Facts) -> str:
    """Sensors of the station, and what was changed."""
    if facts.history is None:
        return ""
    rows = [
        (s.instrument, f"{s.depth_from * 100:g}–{s.depth_to * 100:g}", f"{s.first[:10]} – {s.last[:10]}", s.records,
         f"{s.used / s.records:.0%}" if s.records else "–", len(s.gaps))
        for s in facts.history.sensors
    ]  # fmt: skip
    changes = "".join(f"<li>{esc(c.time[:10])}: {esc(said(c.sentence))}</li>" for c in facts.history.changes)
    head = (tr("Sensor"), tr("Depth [cm]"), tr("Records"), "n", tr("used"), tr("gaps"))
    return table(head, rows, numeric=(3, 4, 5)) + (f"<ul>{changes}</ul>" if changes else "")


def decisions_table(one: SubjectReview, only_of: str | None = None) -> str:
    """All that was decided on the station, the newest first; what counts for nothing says why.

    Where ``only_of`` names a reader who must not see it yet, what the others decided is not told, only that they did.
    """
    rows = []
    for line in reversed(one.history):
        event = line.event
        seen = [tr("blind") if event.conditions.blind else tr("names in sight")]
        seen += [tr("headline in sight")] if event.conditions.headline else []
        why = tr("; ") + tr(line.effect) if line.effect else ""
        is_told = only_of is None or same_person(event.reviewer, only_of or "\0")
        carried = _carried(event.payload) if is_told else ""
        what = Markup(f"{esc(tr(words.ACTIONS[event.action]))}{esc(carried)}<span class=muted>{esc(why)}</span>")
        rows.append((event.time[:16].replace("T", " "), event.reviewer, what, ", ".join(seen)))
    return table((tr("UTC"), tr("Reviewer"), tr("Decision"), tr("while")), rows)


def _carried(payload: object) -> str:
    """What an event says beside its action."""
    assert isinstance(payload, dict)
    parts = [str(payload["verdict"])] if payload.get("verdict") else []
    parts += [", ".join(tr(words.REASONS[code]) for code in payload["reasons"])] if payload.get("reasons") else []
    if "start" in payload:
        parts.append(f"{period_text(payload['start'], payload['end'])}, {tr(words.REASONS[payload['reason']])}")
    parts += [f"«{payload['text']}»"] if payload.get("text") else []
    return f": {'; '.join(parts)}" if parts else ""
