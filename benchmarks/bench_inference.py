"""Prediction of the five systems: beside eager float32 with autograd, and end to end beside the bare model.

Published sizes; made-up smooth inputs, and weights of a moment's training to follow the first of them, so that the
spread of the output, which bfloat16 is judged by, is no accident. «Eager» is how published scripts run: float32, with
a graph for gradients, all cells that were read computed. «Bare» is ``model.predict`` on inputs that are in memory, halo
included; «end to end» is the window from prepared stores to the finished tile, handshake and reading included. Medians
of several rounds are printed.

    python benchmarks/bench_inference.py [--threads 1 --rounds 3] [--only smsnet …] [--out FILE]
"""

from __future__ import annotations

import argparse
import dataclasses
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import xarray as xr
from scipy.ndimage import gaussian_filter

from smcore import names
from smcore.cubes.store import open_store, write
from smcore.grids import Grid, ease, regular
from smcore.inference.computing import Engine
from smcore.inference.devices import choose_device
from smcore.inference.geometry import Span
from smcore.inference.memory import kept_memory
from smcore.inference.precision import BFLOAT16, Precision, choose, computing, has_bf16_units, prepare
from smcore.inference.tiles import Predictor
from smcore.inputs import handshake
from smcore.models.arrays import Inputs, Task, TrainingData
from smcore.models.base import FitRun, SoilMoistureModel
from smcore.models.registry import build_model
from smcore.models.spec import ModelSpec
from smcore.roles import Source
from smcore.window import Window

SYSTEMS = {"smsnet": "paper", "drcgan": "paper", "pscnet": "paper", "tssmnet": "paper", "multiscale_lstm": "paper"}
SIDE = {"smsnet": 64, "drcgan": 8, "pscnet": 16, "tssmnet": 16, "multiscale_lstm": 32}
STEPS = {"1D": 400, "3h": 64}
WANTED = {"smsnet": 8, "drcgan": 1, "pscnet": 8, "tssmnet": 365, "multiscale_lstm": 365}
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
_SHORT = {
    "epochs": 1,
    "most_steps": 60,
    "rate": 1e-3,
    "batch": 4,
    "patch": 16,
    "stride": 8,
    "judge": 8,
    "back_blocks": 1,
}
_RANGE = {"precipitation": (0, 20), "air_temperature": (265, 305), "lst": (265, 305), "surface_pressure": (9e4, 1e5)}


def main() -> None:
    """Time the systems and print or write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    parser.add_argument(
        "--clock", choices=CLOCKS, default="wall", help="cpu: seconds of this process, on a busy machine"
    )
    parser.add_argument("--only", nargs="*", default=list(SYSTEMS))
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    import torch

    torch.set_num_threads(given.threads)
    device = choose_device(given.device)
    clock = CLOCKS[given.clock]
    lines = [*heading(given, device)]
    for name in given.only:
        if len(given.only) > 1:  # a process of its own: what the allocator learned from one must not help the next
            own = ["--threads", str(given.threads), "--rounds", str(given.rounds), "--device", device]
            asked = [sys.executable, __file__, *own, "--clock", given.clock, "--only", name]
            told = subprocess.run(asked, check=True, capture_output=True, text=True).stdout
            lines.append(next(line for line in told.splitlines() if line.startswith(f"| {name} |")))
        else:
            with tempfile.TemporaryDirectory() as folder:
                lines.append(row(name, Path(folder), given.rounds, device, clock))
        print(lines[-1], flush=True)
    text = "\n".join([*lines, *ending(device)]) + "\n"
    if given.out:
        given.out.write_text(text, encoding="utf-8")
    else:
        print(text)


def heading(given: argparse.Namespace, device: str) -> Iterator[str]:
    """Say where the numbers come from."""
    import torch

    yield "# Prediction of the five systems"
    yield ""
    options = f"--threads {given.threads} --rounds {given.rounds} --device {device} --clock {given.clock}"
    yield f"`python benchmarks/bench_inference.py {options}`"
    yield ""
    seconds = "seconds of processor time (the machine was busy)" if given.clock == "cpu" else "seconds"
    yield f"Python {platform.python_version()}, torch {torch.__version__}, {processor()}; {given.threads} thread(s);"
    yield f"medians of {seconds}, after one round that does not count."
    yield ""
    yield (
        "| system | cells read (kept) × steps | eager, autograd [s] | inference_mode | ours | precision | bare [s] | "
        "end to end [s] | end to end / bare |"
    )
    yield "|---|---|---|---|---|---|---|---|---|"


def ending(device: str) -> Iterator[str]:
    """Say what the columns mean, and what this machine can't show."""
    yield ""
    yield "«inference_mode» and «ours» are speeds in multiples of eager float32 with autograd. Ours: no gradients,"
    yield "channels-last weights, cells of the halo shed as the layers need them no more, freed memory kept for the"
    yield "next layer, bfloat16 where the device has units for it and the first batch agrees within 2 % (rms difference"
    yield "over the spread, as given). What shedding saves falls with the size of the window: the halos of DrcGAN and"
    yield "PSCNet reach 35 and 67 cells to each side."
    if not has_bf16_units(device):
        yield "**No bf16 units on this CPU**: the gain that bfloat16 brings could not be measured here."


def processor() -> str:
    """Model and vector extensions of the processor."""
    import torch

    found: dict[str, str] = {}
    file = Path("/proc/cpuinfo")
    for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else ():
        key, _, value = line.partition(":")
        found.setdefault(key.strip(), value.strip())
    flags = [f for f in found.get("flags", "").split() if f in ("avx2", "avx512f", "avx512_bf16", "amx_bf16")]
    return (
        f"{found.get('model name', platform.processor())}, {' '.join(flags) or torch.backends.cpu.get_cpu_capability()}"
    )


def row(name: str, folder: Path, rounds: int, device: str, clock: Callable[[], float]) -> str:
    """One line of the table."""
    model = trained(name)
    sources = stored(model.spec, grid_of(model.spec, SIDE[name]), folder)
    window = window_of(name, model.spec, sources)
    plan = handshake(model.spec, model.used, sources, window)
    predictor = Predictor(Engine(model, plan, device), side=model.spec.patch * 4096)
    span = Span(slice(0, len(plan.time)), plan.wanted)
    inputs = predictor.read(predictor.pieces[0], span)

    all_cells = dataclasses.replace(inputs, kept=None)

    def eager() -> None:
        with with_autograd():
            model.predict(all_cells, device=device)

    def plain() -> None:
        with computing(Precision(), device):
            model.predict(all_cells, device=device)

    chosen: list[Precision] = []

    def ours() -> None:
        with computing(chosen[0], device):
            model.predict(inputs, device=device)

    def whole() -> None:
        own = handshake(model.spec, model.used, sources, window)
        engine = Engine(model, own, device, precision=chosen[0])
        list(Predictor(engine, side=model.spec.patch * 4096).run())

    before = medians([eager, plain], rounds, clock)
    prepare(model)
    chosen.append(choose(model, inputs, device))
    with kept_memory():  # as within a prediction of many calls; the whole one takes its own
        after = medians([ours], rounds, clock)
    after += medians([whole], rounds, clock)
    kept = plan.places.kept_shape
    wanted = plan.wanted.stop - plan.wanted.start
    precision = "f32" if has_bf16_units(device) else "f32 (no bf16 units)"
    if chosen[0].dtype == BFLOAT16:
        precision = f"bf16, {chosen[0].note.split(': ')[1].split(' of')[0]}"
    return (
        f"| {name} | {len(inputs.lat)} ({kept[0] * kept[1]}) × {wanted} | {before[0]:.2f} | "
        f"{before[0] / before[1]:.2f}x | {before[0] / after[0]:.2f}x | {precision} | {after[0]:.2f} | {after[1]:.2f} | "
        f"{after[1] / after[0]:.2f} |"
    )


def medians(works: Sequence[Callable[[], None]], rounds: int, clock: Callable[[], float]) -> list[float]:
    """Median seconds of each work, in alternating rounds after one that does not count."""
    found: list[list[float]] = [[] for _ in works]
    for number in range(rounds + 1):
        for work, times in zip(works, found, strict=True):
            started = clock()
            work()
            if number:
                times.append(clock() - started)
    return [statistics.median(times) for times in found]


@contextmanager
def with_autograd() -> Iterator[None]:
    """Keep the graph for gradients, as scripts do that forget to turn it off."""
    import torch

    numpy = torch.Tensor.numpy
    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(torch, "inference_mode", torch.enable_grad))
        stack.enter_context(mock.patch.object(torch, "no_grad", torch.enable_grad))
        stack.enter_context(mock.patch.object(torch.Tensor, "numpy", lambda self, **k: numpy(self.detach(), **k)))
        yield


def trained(name: str) -> SoilMoistureModel:
    """A model of the published size, trained for a moment to follow its first input."""
    model: Any = build_model(name, SYSTEMS[name])
    known = {f.name for f in dataclasses.fields(model.config)}
    model.config = dataclasses.replace(model.config, **{k: v for k, v in _SHORT.items() if k in known})
    spec: ModelSpec = model.spec
    side = 16 if spec.spatial else 3
    inputs = made_up(spec, 40, side)
    followed = inputs.dynamic[..., 0]
    target = 0.05 + 0.45 * (followed - followed.min()) / np.ptp(followed)
    model.fit(TrainingData(Task(inputs, target.astype(np.float32))), FitRun(seed=0))
    return model  # type: ignore[no-any-return]


def times(spec: ModelSpec, steps: int) -> np.ndarray:
    """Stamps from June 2018 on."""
    return np.datetime64("2018-06-01", "ns") + np.arange(steps) * np.timedelta64(24 if spec.step == "1D" else 3, "h")


def drawn(name: str, rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Plausible values of one input (steps, rows, columns), or without steps: weather and land have no sharp grain."""
    low, high = _RANGE.get(name, (0.1, 0.9))
    waves = gaussian_filter(rng.standard_normal(shape), 3.0, mode="wrap")
    waves += 0.2 * waves.std() * rng.standard_normal(shape)
    share = (waves - waves.min()) / (waves.max() - waves.min())
    return (low + (high - low) * share).astype(np.float32)


def made_up(spec: ModelSpec, steps: int, side: int) -> Inputs:
    """Inputs in memory, to train on."""
    rng = np.random.default_rng(0)
    dynamic = [drawn(i.name, rng, steps, side, side).reshape(steps, -1) for i in spec.named("dynamic")]
    static = [drawn(i.name, rng, side, side).ravel() for i in spec.named("static")]
    seen = drawn("sm", rng, steps, side, side).reshape(steps, -1)
    return Inputs(
        time=times(spec, steps), dynamic=np.stack(dynamic, -1), static=np.stack(static, -1),
        lat=np.repeat(np.linspace(45, 40, side), side), lon=np.tile(np.linspace(-100, -95, side), side),
        specs=spec.inputs, observed=seen if spec.sees_target else None, shape=(side, side) if spec.spatial else None,
    )  # fmt: skip


def grid_of(spec: ModelSpec, side: int) -> Grid:
    """The window's cells and the halo around them."""
    reach = side + 2 * (spec.halo + spec.patch)
    if spec.step == "3h":
        return regular(50.0, -110.0, 0.1, 0.1, reach, reach)
    return ease("M09").cut(slice(304, 304 + reach), slice(704, 704 + reach))


def stored(spec: ModelSpec, grid: Grid, folder: Path) -> list[Source]:
    """Prepared stores of all inputs, in their roles."""
    rng, steps = np.random.default_rng(0), STEPS[spec.step]
    roles: dict[str, dict[str, tuple[str, np.ndarray]]] = {"forcing": {}, "static": {}, "model_sm": {}, "target": {}}
    for item in spec.inputs:
        if item.role == "static":
            roles["static"][item.name] = (item.units, drawn(item.name, rng, *grid.shape))
        else:
            role = {"model_sm": "model_sm", names.SM: "target"}.get(item.name, "forcing")
            name = item.name if role == "forcing" else names.SM
            roles[role][name] = (item.units, drawn(item.name, rng, steps, *grid.shape))
    found = []
    for role, fields in roles.items():
        if fields:
            write(cube(spec, grid, fields, role, steps), folder / role)
            store = open_store(folder / role)
            data = store.dataset()
            found.append(Source(role, frozenset({role}), data, role, prepared=(store, data)))  # type: ignore[arg-type]
    return found


def cube(spec: ModelSpec, grid: Grid, fields: dict[str, tuple[str, np.ndarray]], role: str, steps: int) -> xr.Dataset:
    """One data set in the data model."""
    variables = {n: (names.CUBE_DIMS[3 - v.ndim :], v, {"units": u}) for n, (u, v) in fields.items()}
    coords: dict[str, Any] = {names.LAT: (names.Y, grid.lat), names.LON: (names.X, grid.lon)}
    if role != "static":
        coords[names.TIME] = times(spec, steps)
    kind = {"target": "observed", "model_sm": "modelled"}.get(role, role)
    support = names.DAY_MEAN if spec.step == "1D" else names.INSTANT
    attrs = {"title": role, "kind": kind, "synthetic": 1, "time_support": support}
    return xr.Dataset(variables, coords, {**attrs, **grid.to_attrs()})


def window_of(name: str, spec: ModelSpec, sources: Sequence[Source]) -> Window:
    """The middle of the grid and the last steps that leave room to look ahead."""
    grid = next(s for s in sources if s.grid is not None).grid
    assert grid is not None
    edge, stamps = spec.halo + spec.patch, times(spec, STEPS[spec.step])
    last = len(stamps) - 1 - min(spec.lookahead, 20 if spec.lookahead < 1000 else 0)
    first = last - WANTED[name] + 1
    start, end = (str(stamps[i].astype("datetime64[D]")) for i in (first, last))
    side, inset = SIDE[name], 1e-4
    rows, columns = (edge, edge + side), (edge, edge + side)
    return Window(
        start, end, float(grid.lon_edges[columns[0]]) + inset, float(grid.lat_edges[rows[1]]) + inset,
        float(grid.lon_edges[columns[1]]) - inset, float(grid.lat_edges[rows[0]]) - inset,
    )  # fmt: skip


if __name__ == "__main__":
    main()
