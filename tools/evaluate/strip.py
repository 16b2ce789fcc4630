"""An HTML page about what was heard: lag over time, and the words said above the words heard, at
their times. A single file without scripts."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Final

from tools.evaluate.alignment import Word
from tools.evaluate.sentences import Interpreted
from tools.evaluate.talks import Talk
from tools.figures import Figure, table

Judged = Mapping[str, Sequence[Interpreted]]

#: Colours of the policies, in the order in which they ran.
COLOURS: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")
#: Degrees between the hues of neighbouring sentences.
HUE_STEP: Final = 137
PLOT: Final = (900, 300)
MARGIN: Final = 40
#: The strip: seconds of the talk, pixels per second, pixels per row of words and per letter.
STRIP_S: Final = 60.0
PIXELS_PER_S: Final = 90
ROW, LETTER = 15, 6.6
ROWS: Final = 4

STYLE: Final = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; }
pre { overflow-x: auto; font-size: 13px; }
svg { display: block; }
svg text { font: 11px system-ui, sans-serif; fill: currentColor; }
.axis { stroke: currentColor; stroke-opacity: .3; fill: none; }
.strip { overflow-x: auto; border: 1px solid color-mix(in srgb, currentColor 25%, transparent); }
"""


def page(talk: Talk, judged: Judged, figures: Sequence[Figure]) -> str:
    """The page. ``judged``: the sentences of each policy's run."""
    title = f"{talk.source} to {talk.target}, {talk.words_per_minute} words a minute"
    strips = "\n".join(
        f"<h2>Said and heard: {escape(policy)}</h2>\n"
        f'<div class="strip" tabindex="0">{strip(talk, sentences)}</div>'
        for policy, sentences in judged.items()
    )
    return f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>{STYLE}</style>
<h1>Interpreted: {title}</h1>
<p>{talk.duration_s / 60:.1f} minutes, {len(talk.sentences)} sentences, in real time through a whole
server. The lag of a sentence is from its end to the end of its interpretation as it arrives.</p>
<h2>Lag over time</h2>
{lags(talk, judged)}
{strips}
<h2>Figures</h2>
<pre>{escape(table(figures))}</pre>
</html>
"""


def lags(talk: Talk, judged: Judged) -> str:
    """A plot with a dot for each sentence: its end and its lag."""
    width, height = PLOT
    points = {
        policy: [(e.said.end_s, e.end_lag_s) for e in sentences if e.end_lag_s is not None]
        for policy, sentences in judged.items()
    }
    most_s = max([5.0, *(lag_s for each in points.values() for _, lag_s in each)])
    least_s = min([0.0, *(lag_s for each in points.values() for _, lag_s in each)])

    def x(at_s: float) -> float:
        return MARGIN + (width - 2 * MARGIN) * at_s / talk.duration_s

    def y(lag_s: float) -> float:
        return height - MARGIN - (height - 2 * MARGIN) * (lag_s - least_s) / (most_s - least_s)

    step_s = max(1, round((most_s - least_s) / 8))
    parts = [_line(x(0), y(0), x(talk.duration_s), y(0))]
    for lag_s in range(0, round(most_s) + 1, step_s):
        parts.append(
            _text(4, y(lag_s) + 4, f"{lag_s} s") + _line(MARGIN, y(lag_s), width, y(lag_s))
        )
    for tenth in range(11):
        at_s = talk.duration_s * tenth / 10
        parts.append(_text(x(at_s) - 10, height - 16, f"{at_s / 60:.1f} min"))
    for place, (policy, each) in enumerate(points.items()):
        colour = COLOURS[place % len(COLOURS)]
        parts += [
            f'<circle cx="{x(at_s):.1f}" cy="{y(lag_s):.1f}" r="2.5" fill="{colour}"/>'
            for at_s, lag_s in each
        ]
        parts.append(
            f'<rect x="{MARGIN + 110 * place}" y="8" width="10" height="10" fill="{colour}"/>'
        )
        parts.append(_text(MARGIN + 110 * place + 15, 17, policy))
    return _svg("Lag over time", width, height, parts)


def strip(talk: Talk, sentences: Sequence[Interpreted]) -> str:
    """The words said above the words heard; a sentence and its interpretation have one hue."""
    shown = [each for each in sentences if each.said.start_s < STRIP_S]
    ends_s = [word.end_s for each in shown for word in (*each.said.words, *each.words)]
    height = (2 * ROWS + 3) * ROW
    said, heard = _Rows(ROW), _Rows((ROWS + 2) * ROW)
    parts: list[str] = []
    for number, each in enumerate(shown):
        hue = f"hsl({number * HUE_STEP % 360} 60% 50% / .3)"
        parts += said.place(each.said.words, hue)
        parts += heard.place(each.words, hue)
    for second in range(0, round(max(ends_s, default=0)) + 1, 5):
        x = second * PIXELS_PER_S
        parts.append(_line(x, 0, x, height) + _text(x + 3, height - 4, f"{second} s"))
    width = round((max(ends_s, default=0) + 1) * PIXELS_PER_S)
    return _svg("What was said above what was heard", width, height, parts)


class _Rows:
    """Words at their times, from ``top`` down, in as many rows as needed to keep them apart."""

    def __init__(self, top: int) -> None:
        self._top = top
        self._free_from = [0.0] * ROWS

    def place(self, words: Sequence[Word], colour: str) -> Iterable[str]:
        if words:
            x = words[0].start_s * PIXELS_PER_S
            width = words[-1].end_s * PIXELS_PER_S - x
            yield (
                f'<rect x="{x:.1f}" y="{self._top - ROW + 4}" width="{max(width, 1):.1f}" '
                f'height="{ROWS * ROW}" fill="{colour}"/>'
            )
        for word in words:
            x = word.start_s * PIXELS_PER_S
            free = [row for row, free_from in enumerate(self._free_from) if free_from <= x]
            row = free[0] if free else self._free_from.index(min(self._free_from))
            self._free_from[row] = x + LETTER * (len(word.text) + 1)
            yield _text(x, self._top + row * ROW, word.text)


def _svg(label: str, width: int, height: int, parts: Iterable[str]) -> str:
    inside = "\n".join(parts)
    size = f'width="{width}" height="{height}"'
    return f'<svg {size} role="img" aria-label="{label}">\n{inside}\n</svg>'


def _text(x: float, y: float, text: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<path class="axis" d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}"/>'
