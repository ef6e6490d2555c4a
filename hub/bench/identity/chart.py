"""The picture of a run: how right the matcher is, what a threshold trades for what, how fast it is. Owns no figure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from hub.bench.chart import FAINT, GOAL, HUB, INK, OTHER, STYLE
from hub.bench.identity.report import BESIDE, GOALS, Report
from hub.bench.plotting import ConstrainedLayoutEngine, FuncFormatter, NullFormatter, mpl, plt

WIDTH: Final = 5.2
HEIGHT: Final = 4.6
NONE: Final = 1e-5  # a logarithmic scale has no 0
_LABEL: Final = {"korean_town": "Korean town", "korean_register": "Korean register"}
Axes = Any


def draw(report: Report, folder: Path) -> None:
    """Write identity.png and identity.svg: one panel for each part that was run."""
    panels = _panels(report)
    with mpl.rc_context(STYLE):
        engine = ConstrainedLayoutEngine(rect=(0.005, 0.06, 0.985, 0.93), wspace=0.06)
        figure, axes = plt.subplots(1, len(panels), figsize=(WIDTH * len(panels), HEIGHT), layout=engine, squeeze=False)
        for place, panel in zip(axes[0], panels, strict=True):
            panel(place, report)
        figure.text(0.012, 0.02, _words(report), color=FAINT, fontsize=8.5)
        figure.savefig(folder / "identity.png", dpi=150)
        figure.savefig(folder / "identity.svg", metadata={"Date": None})
        plt.close(figure)


def _panels(report: Report) -> list[Callable[[Axes, Report], None]]:
    chosen: list[Callable[[Axes, Report], None]] = []
    if report.rows or report.splink:
        chosen.append(_quality)
    if report.curve:
        chosen.append(_curve)
    if report.speed or report.hub_beside:
        chosen.append(_speed)
    return chosen


def _quality(axes: Axes, report: Report) -> None:
    """What is not right, 1 - F1, so that near-perfect answers can be told apart."""
    hub = {row["data"]: row["f1"] for row in report.rows}
    if report.hub_beside is not None:
        hub["korean_register"] = report.hub_beside.f1
    splink = {beside.data: beside.f1 for beside in report.splink}
    names = list(dict.fromkeys([*hub, *splink]))[::-1]
    for shift, found, color, who in ((0.19, hub, HUB, "hub"), (-0.19, splink, OTHER, "Splink 5, its best threshold")):
        places = [place + shift for place, name in enumerate(names) if name in found]
        missed = [100 * (1 - found[name]) for name in names if name in found]
        axes.barh(places, missed, height=0.36, color=color, label=who)
        for place, value in zip(places, missed, strict=True):
            axes.annotate(f"{value:.2f}", (value, place), xytext=(5, 0), textcoords="offset points", va="center")
    for place, name in enumerate(names):
        if goal := GOALS.get(name, {}).get("f1"):
            axes.plot([100 * (1 - goal)] * 2, [place - 0.42, place + 0.42], color=GOAL, linewidth=1.5)
    axes.set_yticks(range(len(names)), [_label(name) for name in names])
    axes.set_xlim(0, max(1.8, *axes.get_xlim()) * 1.12)
    axes.set_xlabel("100 × (1 - F1): less is better (red: at most)")
    axes.set_title("Wrong or missed links")
    axes.tick_params(axis="y", length=0)
    axes.legend(frameon=False, fontsize=9, loc="lower right")


def _label(name: str) -> str:
    return _LABEL.get(name, name.replace("_no_ssn", "\nwithout number"))


def _curve(axes: Axes, report: Report) -> None:
    """Of the Korean town: what a stricter or laxer threshold would cost."""
    points = sorted(report.curve, key=lambda point: point["auto"])
    bits = [point["auto"] for point in points]
    for name, label, color in (
        ("missed_precision", "wrong among automatic links (0.001: none)", GOAL),
        ("missed_recall", "true links not made automatically", HUB),
        ("review", "records that are a possible match", FAINT),
    ):
        axes.plot(bits, [100 * _share(point, name) for point in points], color=color, linewidth=2, label=label)
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_xlabel("bits from which a link is automatic")
    axes.set_ylabel("%, logarithmic scale")
    axes.set_title("What the threshold trades")
    axes.legend(frameon=False, fontsize=9)


def _share(point: dict[str, float], name: str) -> float:
    whole = {"missed_precision": "precision", "missed_recall": "auto_recall"}.get(name)
    return max(NONE, point[name] if whole is None else 1 - point[whole])


class Bar(NamedTuple):
    """One rate: the median, the slowest and the fastest, what was asked for (0: nothing)."""

    name: str
    median: float
    least: float
    most: float
    goal: float
    color: str


def _bars(report: Report) -> Iterator[Bar]:
    for one in report.speed:
        goal = GOALS["speed"].get(str(one.batch), 0.0)
        yield Bar(f"hub, batch {one.batch:,}", one.rate.median, one.rate.min, one.rate.max, goal, HUB)
    if report.hub_beside is not None:
        rate = report.hub_beside.records_per_second
        yield Bar("hub beside Splink,\nbatch 500", rate, rate, rate, 0.0, HUB)
    for beside in report.splink:
        if beside.how == "predict_between":
            rates = [BESIDE / seconds for seconds in beside.seconds]
            yield Bar("Splink 5,\nbatch 500", beside.records_per_second, min(rates), max(rates), 0.0, OTHER)


def _speed(axes: Axes, report: Report) -> None:
    bars = list(_bars(report))[::-1]
    medians = [bar.median for bar in bars]
    axes.barh([bar.name for bar in bars], medians, color=[bar.color for bar in bars], height=0.6)
    spans = [[bar.median - bar.least for bar in bars], [bar.most - bar.median for bar in bars]]
    axes.errorbar(medians, range(len(bars)), xerr=spans, fmt="none", ecolor=INK, elinewidth=1, capsize=3)
    for place, bar in enumerate(bars):
        at = (max(bar.most, bar.goal), place)
        axes.annotate(f"{bar.median:,.0f}", at, xytext=(7, 0), textcoords="offset points", va="center")
        if bar.goal:
            axes.plot([bar.goal] * 2, [place - 0.4, place + 0.4], color=GOAL, linewidth=1.5)
    axes.set_xscale("log")
    axes.set_xlim(min(bar.least for bar in bars) / 2, max(max(bar.most, bar.goal) for bar in bars) * 4)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("records a second, logarithmic scale (red: at least)")
    times = f": {report.times:,.3g} × Splink" if report.times else ""
    axes.set_title(f"Register of {report.people:,} people{times}")
    axes.tick_params(axis="y", length=0)


def _words(report: Report) -> str:
    kind = "quick run" if report.quick else "full run"
    machine = report.machine
    orders = next((row["orders"] for row in report.rows if "orders" in row), None)
    streamed = f", {orders} orders of arrival" if orders else ""
    return f"{kind}{streamed}; whiskers slowest and fastest round; {machine['cores']} cores, Python {machine['python']}"
