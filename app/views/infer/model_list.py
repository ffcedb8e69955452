"""The list of models on Infer: the five systems with what each needs and gives, then the baselines; as our own HTML."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from app.inference.model_choice import MODEL_SM, Choice, Offer
from app.inference.systems import SYSTEMS, told
from app.page.controls import empty, esc
from app.page.language import mark, tr
from smcore.grids import EASE
from smcore.names import unit_label

EVERY = {"1D": mark("daily"), "3h": mark("3-hourly")}


@dataclass(frozen=True)
class Row:
    """One model in the list; ``reason`` says why it can't be run now, in one sentence."""

    choice: Choice
    name: str
    reason: str = ""


def listing(rows: Sequence[Row], chosen: str, taken: Iterable[Offer] = ()) -> str:
    """The whole list; the chosen one says in full what it needs and gives with the data ``taken`` for it."""
    if not rows:
        return empty(tr("No model is at hand: train one with loam train, or run loam demo."))
    full = _full(next((r for r in rows if r.choice.id == chosen), None), list(taken))
    systems, baselines = ([r for r in rows if r.choice.is_system == is_one] for is_one in (True, False))
    named, others = tr("Systems"), tr("Baselines")
    made = f'<h4 class="tight">{named}</h4><div role="group" aria-label="{named}">{_rows(systems, chosen, full)}</div>'
    inside = any(r.choice.id == chosen for r in baselines)
    return made + (
        f"<details{' open' if inside else ''}><summary>{others} ({len(baselines)})</summary>"
        f'<div role="group" aria-label="{others}">{_rows(baselines, chosen, full)}</div></details>'
        if baselines else ""
    )  # fmt: skip


def _rows(rows: Iterable[Row], chosen: str, full: str) -> str:
    return "".join(_row(r, r.choice.id == chosen, full) for r in rows)


def _row(row: Row, is_chosen: bool, full: str) -> str:
    name, key = esc(tr(row.name)), esc(row.choice.id)
    off = f' disabled title="{esc(row.reason)}"' if row.reason else ""
    below = f"<div class=muted>{esc(row.reason[:1].upper() + row.reason[1:])}</div>" if row.reason else ""
    return (
        f'<div class="model{" chosen" if is_chosen else ""}"><button class="pick" data-open="model:{key}" '
        f'aria-pressed="{"true" if is_chosen else "false"}"{off}><b>{name}</b><span>{esc(_line(row.choice))}</span>'
        f'</button><button class="info" data-open="sheet:{key}" aria-label="{tr("Model card of {name}", name=name)}" '
        f'title="{tr("Model card")}">i</button>{below}{full if is_chosen and not row.reason else ""}</div>'
    )


def _line(choice: Choice) -> str:
    if choice.is_system:
        system = SYSTEMS[choice.model]
        return f"{tr(system.task)} → {tr(system.gives)}"
    return (
        tr("learns nothing; fills gaps from the observations alone") if choice.card is None else tr("baseline, trained")
    )


def _full(row: Row | None, taken: list[Offer]) -> str:
    """What the chosen model needs, on what it gives its result, and on what it was trained."""
    if row is None or not taken:
        return ""
    lines = [
        (tr("Needs"), needs(row.choice)), (tr("Gives"), _gives(row.choice, taken)),
        (tr("Trained on"), trained_on(row.choice)),
    ]  # fmt: skip
    return "".join(f'<div class="said"><b>{name}</b> {esc(value)}</div>' for name, value in lines if value)


def needs(choice: Choice) -> str:
    """Inputs with units and step, in words."""
    maps, parts = choice.units("static"), []
    if choice.units("dynamic"):
        parts.append(f"{tr(EVERY[choice.step])} {told(choice.units('dynamic'))}")
    if any(i.name == MODEL_SM for i in choice.inputs):
        parts.append(f"{tr('soil moisture of a land-surface model')} [{unit_label('m3 m-3')}]")
    if choice.sees_target:
        parts.append(tr("observed soil moisture, gaps allowed"))
    if maps:
        parts.append(tr("maps of {inputs}", inputs=told(maps)))
    return "; ".join(parts)


def _gives(choice: Choice, taken: list[Offer]) -> str:
    timed = [o for o in taken if o.pairs[0][0] != "target"] or taken
    finest = min((o.entry.grid for o in timed), key=_cell)
    band = tr(", with a 90 % band") if choice.card is not None and choice.card.uncertainty else ""
    return tr(
        "soil moisture [{unit}] on {grid}, {every}{band}", unit=unit_label("m3 m-3"), grid=grid_label(finest),
        every=tr(EVERY[choice.step]), band=band,
    )  # fmt: skip


def _cell(grid: str) -> float:
    return EASE[grid][2] if grid in EASE else 10_000.0


def grid_label(grid: str) -> str:
    """A grid in words: ``M09`` is the 9 km EASE grid."""
    return f"{EASE[grid][2] / 1000:.0f} km ({grid})" if grid in EASE else tr("the grid of its inputs")


def trained_on(choice: Choice) -> str:
    """Where and when the weights come from."""
    card = choice.card
    if card is None:
        return ""
    data = " + ".join(dict.fromkeys(str(r.get("title") or r["id"]) for r in card.data if r["role"] == "target"))
    period = tr("{first} to {last}", first=card.period[0], last=card.period[1]) if card.period[0] else ""
    return ", ".join(part for part in (data, period, tr("synthetic") if card.synthetic else "") if part)
