"""The picture of a run: rates beside each other, how long a message takes, what a worker keeps. Owns no figure."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from hub.bench.plotting import ConstrainedLayoutEngine, FuncFormatter, NullFormatter, mpl, plt
from hub.bench.report import GOALS, Report

HUB, OTHER, GOAL, INK, FAINT = "#1f5fbf", "#b8c0cc", "#c2410c", "#1f2937", "#6b7280"
SIZE: Final = (14.0, 4.3)
STYLE: Final[dict[Any, Any]] = {
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": FAINT,
    "axes.edgecolor": "#d1d5db",
    "axes.titlesize": 11.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 12,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": FAINT,
    "ytick.color": INK,
    "svg.hashsalt": "ieum",
}
Axes = Any


def draw(report: Report, folder: Path) -> None:
    """Write bench.png and bench.svg."""
    with mpl.rc_context(STYLE):
        engine = ConstrainedLayoutEngine(rect=(0.005, 0.07, 0.985, 0.92), wspace=0.06)
        figure, (rates, wait, memory) = plt.subplots(1, 3, figsize=SIZE, width_ratios=(1.5, 1, 1), layout=engine)
        _rates(rates, report)
        _wait(wait, report)
        _memory(memory, report)
        figure.text(0.012, 0.02, _words(report), color=FAINT, fontsize=8.5)
        figure.savefig(folder / "bench.png", dpi=150)
        figure.savefig(folder / "bench.svg", metadata={"Date": None})
        plt.close(figure)


def _rates(axes: Axes, report: Report) -> None:
    held = report.rates
    rows = [
        ("ceiling: COPY of\nas many bytes", held["ceiling"], OTHER),
        ("hub, 2 workers", held["hub_2"], HUB),
        ("hub, 1 worker", held["hub_1"], HUB),
        ("usual handler", held["usual_handler"], OTHER),
    ]
    spans = [[s.median - s.min for _, s, _ in rows], [s.max - s.median for _, s, _ in rows]]
    medians = [s.median for _, s, _ in rows]
    axes.barh([name for name, _, _ in rows], medians, color=[color for *_, color in rows], height=0.62)
    axes.errorbar(medians, range(len(rows)), xerr=spans, fmt="none", ecolor=INK, elinewidth=1, capsize=3)
    for place, (_, spread, _) in enumerate(rows):
        axes.annotate(
            f"{spread.median:,.0f}",
            (spread.max, place),
            xytext=(7, 0),
            textcoords="offset points",
            va="center",
            fontweight="bold",
        )
    axes.set_xscale("log")
    axes.set_xlim(min(s.min for _, s, _ in rows) / 2, max(s.max for _, s, _ in rows) * 4)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.set_xlabel("messages a second, logarithmic scale")
    usual, top = report.ratios["usual_handler"], report.ratios["ceiling"]
    axes.set_title(f"Intake: {usual:,.3g} × the usual handler, {top:.2f} of the ceiling")
    axes.tick_params(axis="y", length=0)


def _wait(axes: Axes, report: Report) -> None:
    wait = report.latency
    ordered = sorted(wait.samples_ms)
    shares = [100 * (n + 1) / len(ordered) for n in range(len(ordered))]
    axes.plot(ordered, shares, color=HUB, linewidth=2)
    for share, value, goal in ((50, wait.p50_ms, GOALS["p50_ms"]), (99, wait.p99_ms, GOALS["p99_ms"])):
        axes.plot([goal], [share], marker="|", markersize=13, markeredgewidth=2, color=GOAL)
        axes.plot([value], [share], marker="o", color=HUB)
        right = value > goal
        axes.annotate(
            f"p{share} {value:,.0f} ms",
            (value, share),
            xytext=(8 if right else -8, -13 if share > 90 else -3),  # noqa: PLR2004 - near the top
            textcoords="offset points",
            ha="left" if right else "right",
            fontweight="bold",
        )
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())  # a short axis would print its minor ticks over one another
    axes.set_ylim(0, 103)
    axes.set_xlabel("ms from acknowledgment to feed (red: goals)")
    axes.set_ylabel("% of messages")
    axes.set_title(f"Latency at {wait.offered:,.0f} messages/s")


def _memory(axes: Axes, report: Report) -> None:
    held = report.memory
    axes.plot([done / 1000 for done, _ in held.samples], [mb for _, mb in held.samples], color=HUB, linewidth=2)
    axes.axhline(GOALS["mb"], color=GOAL, linewidth=1.5)
    axes.annotate(
        f"goal {GOALS['mb']:.0f} MB", (0, GOALS["mb"]), xytext=(4, -13), textcoords="offset points", color=GOAL
    )
    axes.set_ylim(0, max(GOALS["mb"] * 1.1, held.max_mb * 1.1))
    axes.set_xlim(left=0)
    axes.set_xlabel("thousand messages decided")
    axes.set_ylabel("resident MB")
    axes.set_title(f"Memory: {held.max_mb:,.0f} MB a worker")


def _words(report: Report) -> str:
    python, cores = report.versions["python"], report.machine["cores"]
    rounds = len(report.rates["hub"].rounds)
    busy = f"others took {report.others_cores:.1f} cores meanwhile"
    kind = "quick run" if report.quick else "full run"
    medians = f"medians of {rounds} rounds, whiskers slowest and fastest"
    return f"{kind}: {medians}; fsync {report.machine['fsync_ms']} ms, {cores} cores, {busy}, Python {python}"
