"""``loam importance``: what a trained model rests on, feature by feature, as a recipe that ``loam figure`` draws."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app import cli
from smcore.out_file import check_place, drafted
from smcore.roles import open_sources, parse
from smcore.window import Window

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smcore.figures.recipe import Recipe
    from smcore.models.card import ModelCard
    from smcore.models.vectors.importance import Importance
    from smcore.roles import Source
    from smcore.training.importance import Asked

_SHOWN = 8


def command(
    model: Annotated[str, typer.Argument(help="Folder of a checkpoint, or id of a trained model.")],
    data: Annotated[list[str], typer.Option("--data", help="[ROLE=]ID of the data sets: target, forcing, static.")],
    out: Annotated[Path, typer.Option("--out", help="Recipe to write, a .json file; loam figure draws it.")],
    bbox: Annotated[
        tuple[float, float, float, float] | None, typer.Option("--bbox", help="West south east north [deg].")
    ] = None,
    start: Annotated[str | None, typer.Option("--start", help="First day; days trained on are left out.")] = None,
    end: Annotated[str | None, typer.Option("--end", help="Last day, inclusive.")] = None,
    samples: Annotated[int, typer.Option("--samples", min=100, max=200_000, help="Observations at most.")] = 4000,
    repeats: Annotated[int, typer.Option("--repeats", min=2, max=100, help="Shuffles of each feature.")] = 5,
    by_group: Annotated[bool, typer.Option("--groups", help="Shuffle whole groups of features.")] = False,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of everything random.")] = 0,
    quality: Annotated[str, typer.Option("--quality", help="Rule for observations.")] = "recommended",
    overpass: Annotated[str, typer.Option("--overpass", help="am, pm or both.")] = "both",
    device: Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")] = "auto",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file.")] = False,
    more: Annotated[list[str] | None, typer.Argument(hidden=True)] = None,
) -> dict[str, Any]:
    """Shuffle each feature of MODEL in turn on days it was not trained on, and say what its error gains."""
    from smcore.errors import ExportError
    from smcore.inference.request import resolve_model
    from smcore.training.importance import Asked, importance_of

    if out.suffix.lower() != ".json":
        raise ExportError("The result is a recipe, a .json file", where=out.name, hint="loam figure draws it")
    check_place(out, overwrite=overwrite)
    context = cli.context()
    catalog = context.load_catalog()
    window = Window(start, end, *(bbox or (-180.0, -90.0, 180.0, 90.0)))
    asked = Asked(window, samples, repeats, seed, by_group, quality, overpass, device)
    built, card = resolve_model(model, catalog)
    sources = open_sources(catalog, parse([*data, *(more or [])]))
    found, period = importance_of(built, card, sources, asked, progress=context.progress)
    made = _recipe(found, period, card, sources, asked)
    with drafted(out, overwrite=overwrite) as draft:
        draft.write_text(made.text(), encoding="utf-8")
    rows = found.table.sort_values("importance", ascending=False)
    return {
        "out": str(out), "model": card.model, "period": period, "samples": found.samples, "places": found.places,
        "rmsd": found.rmsd, "importance": rows.to_dict("records"),
    }  # fmt: skip


def _recipe(found: Importance, period: str, card: ModelCard, sources: Sequence[Source], asked: Asked) -> Recipe:
    """The figure of an importance, with its table and all that is known of it."""
    from smcore.figures.data import Credit, Data, Told
    from smcore.figures.recipe import FORMAT, VERSION, recipe_of
    from smcore.figures.stored import embedded_source

    synthetic = card.synthetic or any(one.is_synthetic for one in sources)
    about = (card.model, card.title, "", card.citation, card.doi, card.licence, card.synthetic)
    cited = [Credit("model", *about, fingerprint=card.weights_sha256)]
    for one in sources:
        title, citation, doi, licence = (one.about[key] for key in ("title", "citation", "doi", "licence"))
        cited += [Credit("product", one.id, title, "", citation, doi, licence, one.is_synthetic, one.fingerprint)]
    left_out = f"quality rule {asked.quality}, overpasses {asked.overpass}, no day that the model was trained on"
    note = (
        f"Importance is what the RMSD of {found.rmsd:.4f} m³ m⁻³ gains when the values of a feature are shuffled among "
        f"observations at {found.places} places; bars are means of {asked.repeats} shuffles, lines their range"
    )
    told = Told(
        card.title, "importance", "m3 m-3", period, n=found.samples, counted="observations", filters=(left_out,),
        notes=(note,), synthetic=synthetic, credits=tuple(cited), methods=("permutation",),
    )  # fmt: skip
    units = dict.fromkeys(("importance", "lower", "upper"), "m3 m-3")
    source = embedded_source(Data(told, found.table, units=units))
    options = {"label": "RMSD gained when shuffled"}
    block = {"format": FORMAT, "version": VERSION, "kind": "importance", "data": source, "options": options}
    return recipe_of(block)


def render(result: dict[str, Any]) -> None:
    """Print the first rows and where the rest is."""
    typer.echo(
        f"RMSD {result['rmsd']:.4f} m³ m⁻³ over {result['samples']} observations at {result['places']} places, "
        f"{result['period']}"
    )
    for row in result["importance"][:_SHOWN]:
        gain = f"{row['importance']:+.5f} [{row['lower']:+.5f}, {row['upper']:+.5f}]"
        typer.echo(f"  {row['feature']:28} {gain}  {row['group']}")
    typer.echo(f"Written: {result['out']}; draw it with: loam figure {result['out']} --out importance.png")
