"""DrcGAN (STSG-SM): daily gap-free soil moisture from gappy SMAP and a continuous land-surface model, at 36 km.

Jiang, M., Qiu, T., Wang, T., Zeng, C., Zhang, B., Shen, H. (2025): Int. J. Appl. Earth Obs. Geoinf. 139, 104517,
doi:10.1016/j.jag.2025.104517. Published, as far as it could be read: SMAP and Noah are fused by a deep residual cycle
GAN with a forward fusion part G and a backward degeneration part H, after the parent method (Jiang, Shen, Li 2022, IEEE
TGRS, doi:10.1109/TGRS.2022.3188998). Ours, because neither layers nor training are in what could be read: the inputs
around a gap (:mod:`smcore.models.series.gap_neighbours`), the networks (:mod:`smcore.models.networks.drcgan`), the
losses and cycles (:mod:`smcore.models.cycle.losses`) and the patches with self-made gaps
(:mod:`smcore.models.cycle.patches`).

``paper`` is the proposal in full, ``demo`` a narrower and shorter one, ``causal`` the proposal without the future: for
real time. Only G is shipped, as the moving average of its weights; H and the discriminators live in the checkpoint of
the training. A day's own SMAP is no input, so ``sm`` is the model's own map where SMAP was seen, too.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace

import numpy as np
import torch

from smcore.models.arrays import Floats, Inputs, Outputs, TrainingData
from smcore.models.base import FitRun, ModelState, SoilMoistureModel, check_inputs
from smcore.models.cycle.losses import Batch, judges_loss, makers_loss
from smcore.models.cycle.patches import MODEL, Record, Samples, assemble
from smcore.models.hydro.features import season
from smcore.models.input_sets import DRCGAN, OBSERVED
from smcore.models.learning.fitting import Schedule, precision, seeded, train_epochs
from smcore.models.learning.normalise import Statistics
from smcore.models.learning.state import arrays_of, restore
from smcore.models.learning.transfer import on_device, placed
from smcore.models.networks.drcgan import SCALE, Degeneration, Generator, Networks, reach
from smcore.models.restoring import weights_of
from smcore.models.series.gap_neighbours import LIMIT, Doubles, Neighbours, around, curves_of, pooled_curves
from smcore.models.spec import WHOLE_RECORD, InputSpec, ModelSpec
from smcore.models.tiles.patches import kept_of, rectangle


@dataclass(frozen=True)
class Config:
    """Sizes and schedule; the defaults are the proposal in full.

    Parameters
    ----------
    hidden, blocks
        Channels and residual blocks of G; H has ``back_blocks`` of the same width.
    judge
        Channels of the discriminators' first layer.
    patch, stride, batch
        Cells along a side of a training patch, cells between neighbouring ones, and patches a step.
    epochs, most_steps
        Passes over all patches of all days, and most steps in each (0: no limit).
    warm_epochs
        First epochs, without discriminators.
    decay_from
        Epoch from which the learning rate falls linearly, to nothing after the last one.
    rate, average
        Learning rate of Adam (0.5, 0.999), and decay of the moving average of G.
    outage
        Chance that a patch is drawn with a long gap on one side, and independently on the other.
    causal
        Only look back.
    """

    hidden: int = 64
    blocks: int = 16
    back_blocks: int = 8
    judge: int = 64
    patch: int = 64
    stride: int = 32
    batch: int = 16
    epochs: int = 100
    most_steps: int = 0
    warm_epochs: int = 5
    decay_from: int = 50
    rate: float = 1e-4
    average: float = 0.999
    outage: float = 0.2
    causal: bool = False


CONFIGS = {
    "paper": Config(),
    "demo": Config(
        hidden=24, blocks=3, back_blocks=1, judge=16, batch=4, epochs=10, most_steps=100, warm_epochs=5, decay_from=4,
        rate=2e-3, average=0.98,
    ),
    "causal": Config(causal=True),
}  # fmt: skip

SPEC = ModelSpec(
    id="drcgan",
    title="DrcGAN: gap-free SMAP from SMAP and a land-surface model",
    inputs=(*DRCGAN.inputs, OBSERVED),
    citation="Jiang, M. et al. (2025): Int. J. Appl. Earth Obs. Geoinf. 139, 104517; layers and losses are ours",
    doi="10.1016/j.jag.2025.104517",
    history=WHOLE_RECORD,  # for the seasonal curves that stand in where nothing was observed
    lookahead=LIMIT,
    halo=reach(CONFIGS["paper"].blocks),
    configs=tuple(CONFIGS),
)

_AT_ONCE = 16_000_000  # values of one layer in a prediction: 64 MB


class DrcGan:
    """G, H and two discriminators in training; G alone afterwards."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.spec = _spec(config)
        self.used: tuple[InputSpec, ...] = ()
        self.statics: Statistics | None = None
        self.pooled: Doubles = np.empty(0)
        self.network: Generator | None = None

    @property
    def departures(self) -> tuple[str, ...]:
        """Where sizes and schedule are not those of the full proposal, for the card."""
        own, paper = asdict(self.config), asdict(CONFIGS["paper"])
        return tuple(f"{name} {own[name]} instead of {paper[name]}" for name in own if own[name] != paper[name])

    def fit(self, data: TrainingData, run: FitRun) -> None:
        """Train on the satellite's cells, which must fill a rectangle; sites are not used."""
        task, config = data.satellite, self.config
        inputs, target = task.inputs, task.target
        self.used = inputs.specs
        names = tuple(i.name for i in inputs.specs if i.role == "static")
        self.statics = Statistics.fit(names, inputs.static, trimmed=False)
        self.pooled = pooled_curves(target, inputs.series(MODEL), inputs.time)
        record = Record.of(inputs, target, self._statics(inputs), self.pooled, causal=config.causal)
        samples = Samples.of(record, config.patch, config.stride)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(run.seed)
            back = Degeneration(config.hidden, config.back_blocks, causal=config.causal)
            nets = Networks(self._generator(), back, config.judge, samples.tiles.size).to(run.device)
        # One optimiser for both sides: a step moves only the weights that its backward pass gave gradients.
        optimiser = torch.optim.Adam([*nets.makers, *nets.judges], lr=config.rate, betas=(0.5, 0.999))
        train_epochs(nets, optimiser, Schedule(config.epochs), run, self._epoch(nets, optimiser, samples, run))
        self.network = nets.average.cpu().eval()

    def _generator(self) -> Generator:
        statics = sum(i.role == "static" for i in self.used)
        return Generator(self.config.hidden, self.config.blocks, statics, causal=self.config.causal)

    def _statics(self, inputs: Inputs) -> Floats:
        """Normalised statics (N, S), missing ones at the mean."""
        assert self.statics is not None, "fit or load first"
        return np.nan_to_num(self.statics.forward(inputs.static))

    def _epoch(
        self, nets: Networks, optimiser: torch.optim.Optimizer, samples: Samples, run: FitRun
    ) -> Callable[[int, Callable[[float], None]], float]:
        config, usable = self.config, samples.usable
        steps = math.ceil(len(usable) / config.batch)
        steps = min(steps, config.most_steps or steps)

        def epoch(number: int, tick: Callable[[float], None]) -> float:
            rng = seeded(run.seed, number)
            order = rng.permutation(len(usable))
            for group in optimiser.param_groups:
                group["lr"] = config.rate * _decay(number, config)
            losses = []
            for step in range(steps):
                tick(step / steps)
                chosen = usable[order[step * config.batch : (step + 1) * config.batch]]
                batch = _moved(samples.draw(chosen, rng, config.outage), run.device)
                losses.append(_step(nets, optimiser, batch, rng, run, adversarial=number >= config.warm_epochs))
                nets.follow(config.average)
            return float(np.mean(losses))

        return epoch

    def predict(self, inputs: Inputs, *, device: str = "cpu") -> Outputs:
        """Fuse every step from ``inputs.first`` on: (T, N) [m3 m-3]; NaN where the model of that day is missing."""
        check_inputs(self, inputs)
        assert self.network is not None, "fit or load first"
        assert inputs.observed is not None
        shape, first, kept = rectangle(inputs).lat.shape, inputs.first, kept_of(inputs)
        model = inputs.series(MODEL)
        found = around(inputs.observed, model, inputs.time, self.pooled, first=first, causal=self.config.causal)
        statics, seasons = self._statics(inputs).reshape(*shape, -1), season(inputs.time).astype(np.float32)
        network, sm = placed(self.network, device), np.full((len(model), *shape), np.nan, np.float32)
        size = max(1, _AT_ONCE // (self.config.hidden * model.shape[1]))
        for start in range(first, len(model), size):
            steps = slice(start, min(start + size, len(model)))
            land = np.isfinite(model[steps]).reshape(-1, *shape)
            if not land[:, *kept].any():
                continue
            sides = _at(found, slice(steps.start - first, steps.stop - first), shape)
            x = assemble(model[steps].reshape(-1, *shape), sides, seasons[steps], statics)
            fused = _fuse(network, x, land[:, None], device, inputs)
            sm[steps, *kept] = np.where(land[:, *kept], fused, np.float32(np.nan))
        return {"sm": sm.reshape(model.shape)}

    def save(self) -> ModelState:
        """Weights of G, sizes and statistics."""
        assert self.network is not None, "fit or load first"
        assert self.statics is not None
        arrays = arrays_of(self.network)
        settings = {
            "config": asdict(self.config),
            "inputs": [item.to_record() for item in self.used],
            "statics": self.statics.to_json(),
            "pooled": self.pooled.tolist(),
        }
        return ModelState(arrays, settings)

    def load(self, state: ModelState) -> None:
        """Take the weights of a saved model."""
        with weights_of(SPEC.id):
            self.config = Config(**state.settings["config"])
            self.used = tuple(InputSpec(**item) for item in state.settings["inputs"])
            self.statics = Statistics.from_json(state.settings["statics"])
            self.pooled = curves_of(state.settings["pooled"])
            network = self._generator()
            restore(network, state.arrays)
        self.spec = _spec(self.config)
        self.network = network.eval()


def _spec(config: Config) -> ModelSpec:
    return replace(SPEC, halo=reach(config.blocks), lookahead=0 if config.causal else LIMIT)


def _decay(number: int, config: Config) -> float:
    """1, and from ``decay_from`` on linearly less."""
    return min(1.0, (config.epochs - number) / max(1, config.epochs - config.decay_from))


def _moved(batch: Batch, device: str) -> Batch:
    return Batch(**{name: value.to(device) for name, value in vars(batch).items()})


def _step(
    nets: Networks, optimiser: torch.optim.Optimizer, batch: Batch, rng: np.random.Generator, run: FitRun, *,
    adversarial: bool,
) -> float:  # fmt: skip
    """One step of G and H, and one of the discriminators: gives the loss of G and H."""
    with precision(run):
        loss, fused, again = makers_loss(nets, batch, adversarial=adversarial)
    optimiser.zero_grad(set_to_none=True)
    torch.autograd.backward(loss, inputs=nets.makers)
    optimiser.step()
    if adversarial:
        with precision(run):
            against = judges_loss(nets, batch, fused, again, rng)
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(against, inputs=nets.judges)
        optimiser.step()
    return float(loss.detach())


def _at(found: Neighbours, steps: slice, shape: tuple[int, ...]) -> Neighbours:
    """Some steps as maps (K, t, H, W)."""
    fields = (found.sm, found.model, found.age)
    return Neighbours(*(field[:, steps].reshape(len(field), -1, *shape) for field in fields))


def _fuse(network: Generator, x: Floats, land: np.ndarray, device: str, inputs: Inputs) -> Floats:
    """F [m3 m-3] of channels (B, C, H, W) in the cells that are kept: (B, h, w)."""
    rows, columns = kept_of(inputs)
    spare = (rows.start, x.shape[2] - rows.stop, columns.start, x.shape[3] - columns.stop)
    with torch.inference_mode():
        fused = network(on_device(x, device), on_device(land, device).float(), inputs.wraps, spare)
    return fused[:, 0].float().cpu().numpy() * np.float32(SCALE)


def build(config: str = "paper") -> SoilMoistureModel:
    """Make a new model in one of ``SPEC.configs``."""
    return DrcGan(CONFIGS[config])
