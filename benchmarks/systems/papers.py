"""What the five papers claim, and what the finished rows say about it, by rules that nobody bends afterwards.

Numbers here are the papers' own, as printed where ``source`` says. A claim is judged on real data where these suffice;
a result of the demo world is stated as such and counts neither for nor against a paper.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from .results import Results

HELD_REAL, FAILED_REAL = "held on real data", "failed on real data"
HELD_DEMO, FAILED_DEMO = "held on the demo world only", "failed on the demo world only"
NOT_TESTABLE, NOT_RUN = "not testable here", "not run"
VERDICTS: Final = (HELD_REAL, FAILED_REAL, HELD_DEMO, FAILED_DEMO, NOT_TESTABLE, NOT_RUN)

Method = tuple[str, str]
SMSNET: Final = ("smsnet", "demo")
DRCGAN: Final = ("drcgan", "demo")
PSCNET: Final = ("pscnet", "demo")
TSSMNET: Final = ("tssmnet", "demo")
NO_SERIES: Final = ("tssmnet", "no_series")
LSTM: Final = ("multiscale_lstm", "demo")
LSTM_PAPER: Final = ("multiscale_lstm", "paper")
FOREST: Final = "random_forest"


@dataclass(frozen=True)
class Evidence:
    """What rows say.

    Parameters
    ----------
    figures
        Ours, as text; "" where nothing was run.
    real, demo
        Whether the claim held on real data, and on the demo world; None where that was not run.
    testable
        Whether any data at hand could show it.
    """

    figures: str = ""
    real: bool | None = None
    demo: bool | None = None
    testable: bool = True


def verdict(evidence: Evidence) -> str:
    """One of :data:`VERDICTS`: real data decide where there are any, the demo world never outweighs them."""
    if evidence.real is not None:
        return HELD_REAL if evidence.real else FAILED_REAL
    if not evidence.testable:
        return NOT_TESTABLE
    if evidence.demo is not None:
        return HELD_DEMO if evidence.demo else FAILED_DEMO
    return NOT_RUN


@dataclass(frozen=True)
class Claim:
    """One claim of a paper.

    Parameters
    ----------
    rule
        What must be seen for «held», in words; ``judge`` is the same in code.
    """

    paper: str
    text: str
    source: str
    rule: str
    judge: Callable[[Results], Evidence]


def _beyond_reach(_: Results) -> Evidence:
    return Evidence(testable=False)


def _beats(scene: str, system: Method, others: tuple[Method, ...]) -> Callable[[Results], Evidence]:
    def judge(results: Results) -> Evidence:
        found = {" ".join(other): results.against(scene, system, other) for other in others}
        run = {name: one for name, one in found.items() if one.gains}
        text = "; ".join(f"over {name} {one.text()}" for name, one in run.items())
        return Evidence(text, demo=all(one.better for one in run.values()) if len(run) == len(found) else None)

    return judge


_SAME_R, _SAME_RMSD = 0.01, 1.02


def _as_good_as_smap(results: Results) -> Evidence:
    pairs = {}
    for metric in ("pearson_r", "rmsd"):
        own = results.score("fill-36", DRCGAN, "stations", metric, "pooled")
        smap = results.score("fill-36", DRCGAN, "smap at stations", metric, "pooled")
        if own is None or smap is None:
            return Evidence()
        pairs[metric] = own, smap
    (r, smap_r), (rmsd, smap_rmsd) = pairs["pearson_r"], pairs["rmsd"]
    text = f"in hidden gaps R {r.text()} (SMAP there {smap_r.text()}), RMSD {rmsd.text(4)} ({smap_rmsd.text(4)})"
    held = r.value >= smap_r.value - _SAME_R and rmsd.value <= _SAME_RMSD * smap_rmsd.value
    return Evidence(text, demo=held)


_PSCNET_R = 0.881


def _agrees_with_smap(results: Results) -> Evidence:
    found = results.score("downscale-36-01", PSCNET, "coarse", "pearson_r")
    if found is None:
        return Evidence()
    upper = found.upper if found.upper is not None else found.value
    return Evidence(f"median R {found.text()} over coarse cells", demo=upper >= _PSCNET_R)


_R_CHANGE, _UBRMSD_CHANGE = 0.06, 0.02


def _same_off_overpass(results: Results) -> Evidence:
    change = {}
    for metric in ("pearson_r", "ubrmsd"):
        there = results.score("predict-01", PSCNET, "stations, overpass hours", metric)
        off = results.score("predict-01", PSCNET, "stations, other hours", metric)
        if there is None or off is None:
            return Evidence()
        change[metric] = (off.value - there.value) / there.value
    text = f"R changes by {100 * change['pearson_r']:+.1f} %, ubRMSD by {100 * change['ubrmsd']:+.1f} %"
    held = abs(change["pearson_r"]) <= _R_CHANGE and abs(change["ubrmsd"]) <= _UBRMSD_CHANGE
    return Evidence(text, demo=held)


def _ranks_high(results: Results) -> Evidence:
    found = {m: results.score("predict-01", m, "stations", "pearson_r") for m in results.methods("predict-01")}
    values = {method: figure.value for method, figure in found.items() if figure is not None}
    if PSCNET not in values or len(values) < len(found):
        return Evidence()
    rank = 1 + sum(value > values[PSCNET] for value in values.values())
    return Evidence(f"rank {rank} of {len(values)} by median R at stations", demo=rank <= 3)


_TSSMNET_GAIN = 0.171
_COMPETITORS: Final = (("autoresnet", "tssmnet"), ("transformer", "tssmnet"), (FOREST, "tssmnet"),
                       ("gradient_boosting", "tssmnet"))  # fmt: skip


def _mean_gain(results: Results) -> Evidence:
    figures = [results.against("fill-9", TSSMNET, other).figure for other in _COMPETITORS]
    known = [figure for figure in figures if figure is not None]
    if len(known) < len(_COMPETITORS):
        return Evidence()
    mean = sum(figure.value for figure in known) / len(known)
    uppers = [figure.value if figure.upper is None else figure.upper for figure in known]
    text = f"mean gain {100 * mean:+.1f} % in hidden gaps: " + ", ".join(
        f"{name} {figure.text(1, 100, signed=True)}" for (name, _), figure in zip(_COMPETITORS, known, strict=True)
    )
    return Evidence(text, demo=mean > 0 and sum(uppers) / len(uppers) >= _TSSMNET_GAIN)


_FANG_R, _FANG_RMSD, _FANG_SHARE = 0.87, 0.035, 0.75


def _over_most_of_conus(results: Results) -> Evidence:
    share = results.share_of_locations("conus-in-time", LSTM_PAPER, _FANG_R, _FANG_RMSD)
    if share is None:
        return Evidence()
    text = f"{100 * share:.0f} % of 275 pixels in an unseen year, after one year of training"
    return Evidence(text, real=share > _FANG_SHARE)


_SMS = "SMSNet (Liu, Xin, Yin 2025, doi:10.1016/j.jhydrol.2025.132900)"
_DRC = "DrcGAN / STSG-SM (Jiang et al. 2025, doi:10.1016/j.jag.2025.104517)"
_PSC = "PSCNet (Zhou et al. 2025, arXiv:2510.10244)"
_TSS = "TsSMNet (Liu, Y. et al. 2025, doi:10.3390/rs17223729)"
_MUL = "Multiscale LSTM (Liu, J. et al. 2022, doi:10.1029/2021GL096847)"

CLAIMS: Final = (
    Claim(_SMS, "9 km reconstruction better than random forest and CNN", "abstract, no number",
          "better than both, where no SMAP within 2° and no value of the year was seen",
          _beats("predict-9", SMSNET, ((FOREST, "smsnet"), ("cnn", "smsnet")))),
    Claim(_SMS, "1 km map better than cubic interpolation of the 9 km map", "abstract, no number",
          "better than the bicubic map and than the coarse pixel",
          _beats("downscale-9-1", SMSNET, (("bicubic", ""), ("coarse_pixel", "")))),
    Claim(_SMS, "R 0.639 / 0.665, RMSE 0.086 / 0.097 m³ m⁻³ at SCAN / USCRN", "abstract",
          "the same at these stations; their inputs are not at hand", _beyond_reach),
    Claim(_DRC, "in situ as good as SMAP itself: R 0.8388 against 0.8405, RMSE 0.0629 against 0.0628 m³ m⁻³, pooled",
          "abstract", f"in hidden gaps, pooled R at stations at most {_SAME_R:g} below SMAP's and RMSD at most "
          f"{_SAME_RMSD - 1:.0%} above", _as_good_as_smap),
    Claim(_PSC, "mean R 0.881 against SMAP", "abstract", "the interval of the median R, at SMAP's own cells and time "
          "in an unseen season, reaches it", _agrees_with_smap),
    Claim(_PSC, "R among the top three of ten methods at all sites", "abstract",
          "among the first three of our methods by the median over stations", _ranks_high),
    Claim(_PSC, "off the overpass hours R changes by at most 6 %, ubRMSD by at most 2 %", "abstract",
          "the same at stations", _same_off_overpass),
    Claim(_TSS, "RMSE 17.1 % below AutoResNet, Transformer, RF and XGBoost, on average", "abstract",
          "mean gain over the four above 0, and its interval reaches 17.1 %", _mean_gain),
    Claim(_TSS, "features of the pixel's own series help", "section headings, no number",
          "better than the same network without them", _beats("fill-9", TSSMNET, (NO_SERIES,))),
    Claim(_MUL, "median R 0.901, RMSE 0.034 m³ m⁻³ at CONUS sites, spatial cross-validation", "abstract",
          "the same at these sites; their forcing is not at hand", _beyond_reach),
    Claim(_MUL, "satellite and sites together better than either alone", "title and abstract",
          "better than both single-source networks on the same schedule",
          _beats("predict-9", LSTM, (("multiscale_lstm", "demo_satellite"), ("multiscale_lstm", "demo_sites")))),
    Claim("Single-scale LSTM (Fang et al. 2017, doi:10.1002/2017GL075619)",
          "R > 0.87 and RMSE < 0.035 m³ m⁻³ against SMAP over more than 75 % of CONUS", "abstract",
          "over that share of real pixels, trained on one year and scored on the next (the paper trained on more)",
          _over_most_of_conus),
)  # fmt: skip
