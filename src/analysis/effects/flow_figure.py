"""The flow of work drawn from top to bottom, as SVG for the report and as Mermaid text beside it."""

import base64
import html
import io
import textwrap
import unicodedata
from dataclasses import dataclass
from itertools import pairwise

import matplotlib
import polars as pl
from matplotlib import pyplot
from matplotlib.patches import FancyBboxPatch

from analysis.effects import flow_words
from analysis.labels import label
from analysis.report.style import BLUE, GREY, INK, ORANGE, VERMILION
from analysis.run.sections_effects import STAGES
from analysis.run.settings import Settings

# In inches. Narrower than other figures: as wide as a phone, the type is then 12 pixels high.
WIDTH, LINE, PAD, GAP, HEAD, DIAMOND = 4.6, 0.2, 0.09, 0.2, 0.32, 0.2
TYPE, HEAD_TYPE = 10.5, 12
MOST_UNITS = 58  # of half a Chinese sign, on a line
_MERMAID = {"&": "#amp;", '"': "#quot;", "<": "#lt;", ">": "#gt;", "`": "#96;"}


@dataclass(frozen=True)
class Flowchart:
    """A drawn flow: `svg` (one root, no reference outside), `mermaid`, and `alt`, what it shows."""

    svg: str
    mermaid: str
    alt: str

    def __repr__(self) -> str:
        return self.alt

    def _repr_html_(self) -> str:
        """An image, so that the drawing's styles stay its own, and the text folded below it."""
        data = base64.b64encode(self.svg.encode()).decode()
        shown = f'<img src="data:image/svg+xml;base64,{data}" alt="{html.escape(self.alt)}"'
        folded = f"<summary>{html.escape(label('flow_page.mermaid'))}</summary>"
        return (
            f'<figure>{shown} style="width:100%;max-width:30rem"></figure>\n'
            f"<details>{folded}<pre>{html.escape(self.mermaid)}</pre></details>"
        )


def flowchart(flow: pl.DataFrame, settings: Settings) -> Flowchart:
    """The chart of a month.

    Args:
        flow: the table `process_flow`.
        settings: for money and its currency.
    """
    boxes = [_Box.of(row, settings) for row in flow.sort("place").to_dicts()]
    return Flowchart(_svg(boxes), mermaid(flow, settings), flow_words.alt(flow))


def mermaid(flow: pl.DataFrame, settings: Settings) -> str:
    """The chart as Mermaid text; what comes from data and settings is escaped in quotes.

    Args:
        flow: the table `process_flow`.
    """
    rows = flow.sort("place").to_dicts()
    lines, chain = ["flowchart TB"], []
    for stage in STAGES:
        lines.append(f'  subgraph {stage}["{_quoted(label(f"flow_stage.{stage}"))}"]')
        for row in rows:
            if row["stage"] != stage:
                continue
            name = f"s{row['place']}"
            texts = [flow_words.step_name(row["step"]), *flow_words.box(row, settings)]
            if row["narrowest"]:
                texts[0] += f" ({label('flow_page.mark')})"
            lines.append(f'    {name}["{"<br/>".join(map(_quoted, texts))}"]')
            chain.append(name)
            if row["decision"]:
                lines.append(f'    d{row["place"]}{{"{_quoted(row["decision"])}"}}')
                chain.append(f"d{row['place']}")
        lines.append("  end")
    lines += [f"  {one} --> {next_}" for one, next_ in pairwise(chain)]
    marked = [f"s{row['place']}" for row in rows if row["narrowest"]]
    lines += [f"  style {name} stroke:{VERMILION},stroke-width:3px" for name in marked]
    return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class _Box:
    """A step as it is drawn: lines wrapped, heights known."""

    stage: str
    title: list[str]
    lines: list[str]
    decision: list[str]
    has_data: bool
    narrowest: bool

    @classmethod
    def of(cls, row: dict, settings: Settings) -> "_Box":
        lines = [part for line in flow_words.box(row, settings) for part in wrapped(line)]
        decided = row["decision"]
        asked = wrapped(label("flow_page.decision", decision=decided), 52) if decided else []
        title = wrapped(flow_words.step_name(row["step"]), 42)
        return cls(row["stage"], title, lines, asked, row["has_data"], row["narrowest"])

    @property
    def height(self) -> float:
        return 2 * PAD + LINE * (len(self.title) + len(self.lines) + len(self.decision))


def wrapped(text: str, most: int = MOST_UNITS) -> list[str]:
    """Lines that are no wider than so many units; wide signs count two and may break anywhere."""
    plain = " ".join(text.split())
    # Each wide sign is followed by a stand-in while lines are filled, so that its width counts.
    spread = "".join(one + "\0" if _wide(one) else one for one in plain)
    lines = textwrap.wrap(spread, most, break_on_hyphens=False)
    return [line.replace("\0", "") for line in lines] or [""]


def _wide(sign: str) -> bool:
    return unicodedata.east_asian_width(sign) in "WF"


def _quoted(text: str) -> str:
    """Text within quotes of Mermaid: its own signs as entities, `#` first, on one line."""
    plain = " ".join(text.split()).replace("#", "#35;")
    for sign, entity in _MERMAID.items():
        plain = plain.replace(sign, entity)
    return plain


def _svg(boxes: list[_Box]) -> str:
    stages = [stage for stage in STAGES if any(one.stage == stage for one in boxes)]
    height = sum(one.height + GAP for one in boxes) + len(stages) * (HEAD + GAP)
    figure = pyplot.figure(figsize=(WIDTH, height))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, WIDTH), ylim=(height, 0))
    axes.axis("off")
    top = 0.0
    for stage in stages:
        top = _draw_head(axes, label(f"flow_stage.{stage}"), top)
        for one in (box for box in boxes if box.stage == stage):
            _arrow(axes, top)
            top = _draw_box(axes, one, top + GAP)
        if stage != stages[-1]:
            _arrow(axes, top)
            top += GAP
    buffer = io.StringIO()
    unnamed = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    with matplotlib.rc_context({"svg.hashsalt": "flow", "svg.fonttype": "path"}):
        figure.savefig(buffer, format="svg", metadata=unnamed)
    pyplot.close(figure)
    return buffer.getvalue()[buffer.getvalue().index("<svg") :]


def _draw_head(axes, name: str, top: float) -> float:
    axes.add_patch(_patch(top, HEAD, facecolor=BLUE, edgecolor=BLUE))
    axes.text(WIDTH / 2, top + HEAD / 2, name, color="white", size=HEAD_TYPE, **_MIDDLE)
    return top + HEAD


def _draw_box(axes, one: _Box, top: float) -> float:
    """A box with its lines; a thick edge where the flow is narrowest, a dashed one without data."""
    edge = VERMILION if one.narrowest else GREY
    style = {"edgecolor": edge, "linewidth": 2.6 if one.narrowest else 1.0}
    style |= {"facecolor": "white" if one.has_data else "#F4F5F7"}
    style |= {} if one.has_data else {"linestyle": (0, (4, 3))}
    axes.add_patch(_patch(top, one.height, **style))
    middle = top + PAD + LINE / 2
    if one.narrowest:
        mark = label("flow_page.mark")
        axes.text(WIDTH - 0.14, middle, mark, color=VERMILION, size=TYPE, ha="right", va="center")
    for line in one.title:
        _write(axes, 0.14, middle, line, size=HEAD_TYPE)  # the font has one weight
        middle += LINE
    for line in one.lines:
        _write(axes, 0.14, middle, line, color=INK if one.has_data else GREY)
        middle += LINE
    for place, line in enumerate(one.decision):
        if not place:
            axes.plot(0.2, middle, "D", color=ORANGE, markersize=6)
        _write(axes, 0.14 + DIAMOND, middle, line)
        middle += LINE
    return top + one.height


def _write(axes, left: float, middle: float, text: str, **look) -> None:
    look = {"size": TYPE} | look
    axes.text(left, middle, text, va="center", parse_math=False, **look)


def _arrow(axes, top: float) -> None:
    style = {"arrowstyle": "-|>", "color": GREY, "linewidth": 1.2, "shrinkA": 0, "shrinkB": 1}
    ends = {"xy": (WIDTH / 2, top + GAP), "xytext": (WIDTH / 2, top)}
    axes.annotate("", arrowprops=style, **ends)


def _patch(top: float, height: float, **look) -> FancyBboxPatch:
    """A rounded box over the whole width, its edge within the figure."""
    inset, corner = 0.03, "round,pad=0,rounding_size=0.07"
    return FancyBboxPatch((inset, top), WIDTH - 2 * inset, height, boxstyle=corner, **look)


_MIDDLE = {"ha": "center", "va": "center"}
