"""How figures look: one font that knows Chinese, one colour-blind-safe palette, one size."""

from importlib.util import find_spec
from pathlib import Path

import matplotlib
import seaborn as sns
from matplotlib import font_manager, pyplot
from matplotlib.ticker import FuncFormatter

matplotlib.use("agg", force=False)

# Okabe and Ito (2008), distinguishable with every common form of colour blindness.
BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY, GREY = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#CC79A7",
    "#56B4E9",
    "#6B7280",
)
INK = "#1F2933"
SEQUENTIAL = "Blues"
MOST_MONTH_TICKS = 7
WIDTH = 5.4  # inches; large type on a narrow figure stays legible on a phone


def _register_font() -> str:
    """Register Noto Sans SC from its package, so that no system font is needed."""
    folder = Path(find_spec("pylopdf_fonts_zh_cn").origin).parent
    font = next(folder.glob("NotoSansSC-*.otf"))
    font_manager.fontManager.addfont(str(font))
    return font_manager.FontProperties(fname=str(font)).get_name()


sns.set_theme(
    style="whitegrid",
    rc={
        "font.family": "sans-serif",
        "font.sans-serif": [_register_font(), "DejaVu Sans"],
        "font.size": 11,
        "axes.labelsize": 11,
        "xtick.labelsize": 10.5,
        "ytick.labelsize": 10.5,
        "legend.fontsize": 10.5,
        "text.color": INK,
        "axes.labelcolor": INK,
        "xtick.color": INK,
        "ytick.color": INK,
        "axes.edgecolor": "#9AA5B1",
        "grid.color": "#E4E7EB",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "legend.frameon": False,
        "figure.autolayout": False,
    },
)


def canvas(height: float = 3.2, columns: int = 1, rows: int = 1, **options):
    """A new figure with one or more axes in the project's size."""
    return pyplot.subplots(rows, columns, figsize=(WIDTH, height), layout="constrained", **options)


def month_ticks(axes, months) -> None:
    """Label at most seven months, the last one among them, as `Jun 98`."""
    shown = list(months)[:: -max(-(-len(months) // MOST_MONTH_TICKS), 1)]
    axes.set_xticks(shown, [f"{day:%b %y}" for day in shown])


thousands = FuncFormatter(lambda value, _: f"{value:,.0f}")
percentages = FuncFormatter(lambda value, _: f"{round(100 * value, 2):g}%")
