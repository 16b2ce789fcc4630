"""When is what was heard safe to say? Sans-I/O: transcripts in, clauses and caption lines out.

- What came in a clause is never changed, and its words never come in another segment.
- Segments do not overlap in time and come in the order of their times.
- A final transcript commits what is left of its utterance. Before that, words are relied on
  once the recogniser says that they are certain or, where it does not know, once successive
  hypotheses agree on them (LocalAgreement-2: Liu et al. 2020); the policy says when they end a
  segment.
- A segment that is interpreted while it grows comes as open clauses, each with all of it that
  is agreed on, and at its end as one that is not. Only its last words may be corrected.
- Every segment number gets one final or one clear line, and nothing after it.
"""

from dataclasses import dataclass
from typing import Final, Literal

from server.bus.messages import RATE_HZ
from server.interpretation.open_numbers import may_go_on
from server.interpretation.policies import (
    DEFAULT_POLICY,
    PAUSE_SAMPLES,
    POLICIES,
    Heard,
    Policy,
    pause,
)
from server.interpretation.sentence_ends import bare, is_written, spoken_ends, written_ends
from server.interpretation.types import Clause, Transcript, Word

#: Hypotheses come every 100 ms: a word is agreed on when it is the same in one this much later.
AGREED_SAMPLES: Final = RATE_HZ // 10
#: A word is shown in a caption when it has been the same for so long.
SHOWN_SAMPLES: Final = 3 * RATE_HZ // 10
#: Speech this recent may not have shown in a transcript yet.
HIDDEN_SAMPLES: Final = 2 * RATE_HZ
#: Words that a new clause may begin with.
CONJUNCTIONS = {
    "nl": "en of maar want dus omdat dat als terwijl toen zodat hoewel die",
    "en": "and or but because so that if when while which who although",
    "de": "und oder aber denn weil dass wenn während als damit obwohl",
    "fr": "et ou mais car donc parce que si quand lorsque qui",
}


@dataclass(frozen=True, slots=True)
class Line:
    """A caption in the source language. Times are samples of stream time. ``certain``: so many
    of its first words will not change."""

    segment: int
    revision: int
    status: Literal["partial", "final", "clear"]
    start_sample: int
    end_sample: int
    text: str
    certain: int


class Segmenter:
    """One stream's. Segments are numbered from ``first_segment``."""

    def __init__(
        self, language: str, first_segment: int = 0, policy: Policy = POLICIES[DEFAULT_POLICY]
    ) -> None:
        self._language = language
        self._conjunctions = frozenset(CONJUNCTIONS.get(language, "").split())
        self._policy = policy
        self._segment = first_segment
        self._revision = 0
        self._shown = ("", 0)  # a text, and how many of its words are certain
        self._offered = 0  # words of this segment that came in an open clause
        self._said: list[str] = []  # of this utterance
        self._said_end = 0
        self._unsaid: tuple[Word, ...] = ()  # by the latest hypothesis
        self._since: list[int] = []  # the sample since which each of these is as it is
        self._certain: int | None = None  # how many of these the recogniser is certain of
        self._goes_on = False  # this segment, from the one before
        self._is_written = False  # with capitals and punctuation, as far as is known
        self._settled = 0

    def feed(
        self, transcript: Transcript | None, heard_sample: int, quiet_samples: int = 0
    ) -> list[Clause | Line]:
        """What becomes known, in order, when the recogniser has heard up to ``heard_sample``,
        the last ``quiet_samples`` of which are no speech, and its hypothesis is ``transcript``,
        or as before: then None. A clause comes after its line."""
        if transcript is not None:
            rest = self._rest(transcript.words)
            common = _common(self._unsaid, rest)
            self._since = self._since[:common] + [heard_sample] * (len(rest) - common)
            self._unsaid = rest
            self._certain = None
            if transcript.certain is not None:
                self._certain = max(0, transcript.certain - len(self._said))
            if transcript.final:
                self._certain = None
                self._since = [heard_sample - AGREED_SAMPLES] * len(rest)
                out = [*self._cut(heard_sample, 0), *self.finish()]
                return [*out, self._line("clear", ())] if self._shown[0] else out
        out = [*self._cut(heard_sample, quiet_samples), *self._grow(heard_sample)]
        agreed = self._agreed(heard_sample)
        known = self._certain is not None
        shown = self._unsaid[: None if known else self._steady(heard_sample, SHOWN_SAMPLES)]
        if (_text(shown), min(agreed, len(shown))) != self._shown:
            out.append(self._line("partial" if shown else "clear", shown, agreed))
        return out

    def finish(self) -> list[Clause | Line]:
        """No final will come: take the latest hypothesis for one."""
        out = self._say(len(self._unsaid)) if self._unsaid else []
        self._said, self._unsaid, self._goes_on = [], (), False
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

    def _cut(self, heard_sample: int, quiet_samples: int) -> list[Clause | Line]:
        """The segments that end."""
        out: list[Clause | Line] = []
        while True:
            words = self._unsaid
            texts = [word.text for word in words]
            joints = {i for i, text in enumerate(texts) if bare(text) in self._conjunctions}
            agreed = self._agreed(heard_sample)
            ends = self._ends(texts[: agreed + 1])
            in_number = bool(texts) and may_go_on(texts[-1], self._language)
            cut = self._policy.cut(Heard(words, agreed, joints, ends, quiet_samples, in_number))
            if not cut:
                return out
            out += self._say(cut)
            self._goes_on = (
                cut < len(words) and cut not in ends and pause(words, cut) < PAUSE_SAMPLES
            )

    def _ends(self, texts: list[str]) -> list[int]:
        """The places of words that begin a new sentence."""
        self._is_written = self._is_written or any(map(is_written, texts))
        return written_ends(texts) if self._is_written else spoken_ends(texts, self._language)

    def _grow(self, heard_sample: int) -> list[Clause | Line]:
        """What the segment that has not ended has so far, if that is more than it had."""
        agreed = self._agreed(heard_sample)
        if not self._policy.grows or agreed <= self._offered:
            return []
        self._offered = agreed
        return [self._clause(self._unsaid[:agreed], ended=False)]

    def _agreed(self, heard_sample: int) -> int:
        """How many unsaid words may be relied on."""
        if self._certain is not None:
            return min(self._certain, len(self._unsaid))
        return self._steady(heard_sample, AGREED_SAMPLES)

    def _steady(self, heard_sample: int, samples: int) -> int:
        """How many unsaid words have been the same for so long."""
        return sum(since + samples <= heard_sample for since in self._since)

    def _say(self, count: int) -> list[Clause | Line]:
        words, self._unsaid = self._unsaid[:count], self._unsaid[count:]
        del self._since[:count]
        if self._certain is not None:
            self._certain = max(0, self._certain - count)
        clause = self._clause(words, ended=True)
        line = self._line("final", words, count)
        self._said += [word.text for word in words]
        self._said_end = line.end_sample
        return [line, clause]

    def _clause(self, words: tuple[Word, ...], ended: bool) -> Clause:
        return Clause(self._segment, _text(words), *self._span(words), ended, self._goes_on)

    def _line(
        self,
        status: Literal["partial", "final", "clear"],
        words: tuple[Word, ...],
        certain: int = 0,
    ) -> Line:
        certain = min(certain, len(words))
        line = Line(
            self._segment, self._revision, status, *self._span(words), _text(words), certain
        )
        if status == "partial":
            self._revision += 1
            self._shown = (line.text, certain)
        else:
            self._segment += 1
            self._revision = self._offered = 0
            self._shown = ("", 0)
        return line

    def _span(self, words: tuple[Word, ...]) -> tuple[int, int]:
        """From when to when ``words`` were said, and after what was said before."""
        start = max(self._said_end, words[0].start_sample) if words else self._said_end
        return start, max(start, words[-1].end_sample) if words else start


def _text(words: tuple[Word, ...]) -> str:
    return " ".join(word.text for word in words)


def _common(before: tuple[Word, ...], after: tuple[Word, ...]) -> int:
    """How many words both begin with."""
    for i, (one, other) in enumerate(zip(before, after, strict=False)):
        if one.text != other.text:
            return i
    return min(len(before), len(after))
