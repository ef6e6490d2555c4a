"""matplotlib as charts use it: without a window, its own files in the project's cache. Owns no picture."""

from __future__ import annotations

import os
from pathlib import Path

# Read once, when it is imported; otherwise it leaves a folder in the home of whoever measures.
os.environ.setdefault("MPLCONFIGDIR", str(Path(__file__).resolve().parents[2] / ".cache" / "matplotlib"))

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FuncFormatter, NullFormatter

__all__ = ["ConstrainedLayoutEngine", "FuncFormatter", "NullFormatter", "mpl", "plt"]
