"""When is what was heard safe to say? Sans-I/O: transcripts in, clauses and caption lines out.

- A clause, once out, is never changed, and its words never come in another clause.
- Clauses do not overlap in time and come in the order of their times.
- A final transcript commits what is left of its utterance. Before that, words are committed
  only when two successive hypotheses agree on them (LocalAgreement-2: Liu et al. 2020) and
  they are more than one clause may hold.
- Every segment number gets one final or one clear line, and nothing after it.
"""

from dataclasses import dataclass
from typing import Literal

from server.bus.messages import RATE_HZ
from server.interpretation.types import Clause, Transcript, Word

#: A clause has at most this many words and lasts at most this long.
MAX_WORDS = 14
MAX_SAMPLES = 6 * RATE_HZ
#: A gap between words this long is a good place to cut.
PAUSE_SAMPLES = RATE_HZ // 5
#: Speech this recent may not have shown in a transcript yet.
HIDDEN_SAMPLES = RATE_HZ
#: Words that a new clause may begin with.
CONJUNCTIONS = {
    "nl": "en of maar want dus omdat dat als terwijl toen zodat hoewel die",
    "en": "and or but because so that if when while which who although",
    "de": "und oder aber denn weil dass wenn während als damit obwohl",
    "fr": "et ou mais car donc parce que si quand lorsque qui",
}


@dataclass(frozen=True, slots=True)
class Line:
    """A caption in the source language. Times are samples of stream time."""

    segment: int
    revision: int
    status: Literal["partial", "final", "clear"]
    start_sample: int
    end_sample: int
    text: str


class Segmenter:
    """One stream's. Segments are numbered from ``first_segment``."""

    def __init__(self, language: str, first_segment: int = 0) -> None:
        self._conjunctions = frozenset(CONJUNCTIONS.get(language, "").split())
        self._segment = first_segment
        self._revision = 0
        self._shown = ""
        self._said: list[str] = []  # of this utterance
        self._said_end = 0
        self._unsaid: tuple[Word, ...] = ()  # by the latest hypothesis
        self._settled = 0

    def feed(self, transcript: Transcript) -> list[Clause | Line]:
        """What ``transcript`` makes known, in order; each clause comes after its final line."""
        rest = self._rest(transcript.words)
        agreed = len(rest) if transcript.final else _common(self._unsaid, rest)
        out: list[Clause | Line] = []
        while cut := self._cut(rest[:agreed], transcript.final):
            out += self._say(rest[:cut])
            rest, agreed = rest[cut:], agreed - cut
        if transcript.final:
            if rest:
                out += self._say(rest)
            elif self._shown:
                out.append(self._line("clear", ()))
            self._said, self._unsaid = [], ()
        else:
            self._unsaid = rest
            if _text(rest) != self._shown:
                out.append(self._line("partial" if rest else "clear", rest))
        return out

    def finish(self) -> list[Clause | Line]:
        """No final will come: take the latest hypothesis for one."""
        out = self._say(self._unsaid) if self._unsaid else []
        self._said, self._unsaid = [], ()
        return out

    def settled(self, heard_sample: int) -> int:
        """The sample before which all speech is in clauses, given that the recogniser has
        heard up to ``heard_sample``. Never falls."""
        open_from = self._unsaid[0].start_sample if self._unsaid else heard_sample
        latest = max(self._said_end, open_from - HIDDEN_SAMPLES)
        self._settled = max(self._settled, min(latest, heard_sample))
        return self._settled

    def _rest(self, words: tuple[Word, ...]) -> tuple[Word, ...]:
        """The words that come after what was said. Where a hypothesis contradicts that, what
        was said stays, and the times tell where it ended."""
        said = len(self._said)
        if [word.text for word in words[:said]] == self._said:
            return words[said:]
        return tuple(
            word for word in words if word.start_sample + word.end_sample >= 2 * self._said_end
        )

    def _cut(self, words: tuple[Word, ...], final: bool) -> int:
        """How many of ``words`` to say now: 0 while one clause may hold them all."""
        if not words:
            return 0
        start = words[0].start_sample
        fit = sum(word.end_sample - start <= MAX_SAMPLES for word in words[:MAX_WORDS]) or 1
        if len(words) <= fit:
            return 0
        near = range((fit + 1) // 2, fit + 1)
        pause, place = max((words[i].start_sample - words[i - 1].end_sample, i) for i in near)
        if pause >= PAUSE_SAMPLES:
            return place
        joints = [i for i in near if words[i].text in self._conjunctions]
        if joints:
            return joints[-1]
        return min(fit, (len(words) + 1) // 2) if final else fit

    def _say(self, words: tuple[Word, ...]) -> list[Clause | Line]:
        line = self._line("final", words)
        self._said += [word.text for word in words]
        self._said_end = line.end_sample
        return [line, Clause(line.segment, line.text, line.start_sample, line.end_sample)]

    def _line(self, status: Literal["partial", "final", "clear"], words: tuple[Word, ...]) -> Line:
        start = max(self._said_end, words[0].start_sample) if words else self._said_end
        end = max(start, words[-1].end_sample) if words else start
        line = Line(self._segment, self._revision, status, start, end, _text(words))
        if status == "partial":
            self._revision += 1
            self._shown = line.text
        else:
            self._segment += 1
            self._revision = 0
            self._shown = ""
        return line


def _text(words: tuple[Word, ...]) -> str:
    return " ".join(word.text for word in words)


def _common(before: tuple[Word, ...], after: tuple[Word, ...]) -> int:
    """How many words both begin with."""
    for i, (one, other) in enumerate(zip(before, after, strict=False)):
        if one.text != other.text:
            return i
    return min(len(before), len(after))
