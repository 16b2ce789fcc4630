"""Divides transcripts into segments for interpretation. No I/O: transcripts in, clauses and
caption lines out.

- The text of an ended clause never changes, and its words are in no other segment.
- Segments do not overlap in time, and come in order.
- A final transcript completes its utterance. Before that, a word is agreed once the recogniser
  reports it as certain; if the recogniser does not report that, once successive hypotheses agree on
  it (LocalAgreement-2: Liu et al. 2020). The policy decides which agreed words end a segment.
- If segments are interpreted while they grow, they come as open clauses, each with all agreed words
  so far, and at last as an ended one. Only the last words may differ from one to the next.
- Each segment number gets exactly one final or clear line, and nothing after it.
"""

from typing import Final, Literal

from server.bus.messages import RATE_HZ, Caption
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

#: A word is agreed if it stayed the same for this long: hypotheses come every 100 ms.
AGREED_SAMPLES: Final = RATE_HZ // 10
#: A word is shown in a caption if it stayed the same for this long.
SHOWN_SAMPLES: Final = 3 * RATE_HZ // 10
#: Speech this recent may not be in any transcript yet.
HIDDEN_SAMPLES: Final = 2 * RATE_HZ
#: Words that may begin a clause.
CONJUNCTIONS = {
    "nl": "en of maar want dus omdat dat als terwijl toen zodat hoewel die",
    "en": "and or but because so that if when while which who although",
    "de": "und oder aber denn weil dass wenn während als damit obwohl",
    "fr": "et ou mais car donc parce que si quand lorsque qui",
}


class Segmenter:
    """Divides the speech of one stream. Segments are numbered from ``first_segment``. Captions
    come without their stream and epoch."""

    def __init__(
        self, language: str, first_segment: int = 0, policy: Policy = POLICIES[DEFAULT_POLICY]
    ) -> None:
        self._language = language
        self._conjunctions = frozenset(CONJUNCTIONS.get(language, "").split())
        self._policy = policy
        self._segment = first_segment
        self._revision = 0
        self._shown = ("", 0)  # the latest caption: its text, and how many words are certain
        self._offered = 0  # words of this segment in its latest open clause
        self._said: list[str] = []  # words of this utterance in ended segments
        self._said_end = 0
        self._unsaid: tuple[Word, ...] = ()  # the other words of the latest hypothesis
        self._since: list[int] = []  # the sample since which each of these has not changed
        self._certain: int | None = None  # how many of these the recogniser is certain of
        self._goes_on = False  # whether this segment continues the one before
        self._is_written = False  # whether the recogniser writes capitals or punctuation
        self._settled = 0

    def feed(
        self, transcript: Transcript | None, heard_sample: int, quiet_samples: int = 0
    ) -> list[Clause | Caption]:
        """Take the recogniser's latest hypothesis, and return the new clauses and lines in order; a
        clause comes after its line. ``transcript``: None if the hypothesis has not changed.
        ``heard_sample``: the end of the audio that the recogniser has. ``quiet_samples``: for how
        long nobody has spoken."""
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

    def finish(self) -> list[Clause | Caption]:
        """Take the latest hypothesis as final, because no final transcript will come. Returns the
        new clauses and lines."""
        out = self._say(len(self._unsaid)) if self._unsaid else []
        self._said, self._unsaid, self._goes_on = [], (), False
        return out

    def settled(self, heard_sample: int) -> int:
        """The sample before which all speech is in ended clauses. It never falls. ``heard_sample``:
        the end of the audio that the recogniser has."""
        open_from = self._unsaid[0].start_sample if self._unsaid else heard_sample
        latest = max(self._said_end, open_from - HIDDEN_SAMPLES)
        self._settled = max(self._settled, min(latest, heard_sample))
        return self._settled

    def _rest(self, words: tuple[Word, ...]) -> tuple[Word, ...]:
        """The words after those in ended segments. If the hypothesis now has other words for
        these, the ended segments stay, and the words after them are found by their times."""
        said = len(self._said)
        if [word.text for word in words[:said]] == self._said:
            return words[said:]
        return tuple(
            word for word in words if word.start_sample + word.end_sample >= 2 * self._said_end
        )

    def _cut(self, heard_sample: int, quiet_samples: int) -> list[Clause | Caption]:
        """End the segments that the policy ends. Returns their lines and clauses."""
        out: list[Clause | Caption] = []
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
        """The indices of words that begin a new sentence."""
        self._is_written = self._is_written or any(map(is_written, texts))
        if self._is_written:
            return written_ends(texts, self._language)
        return spoken_ends([bare(text) for text in texts], self._language)

    def _grow(self, heard_sample: int) -> list[Clause | Caption]:
        """The open clause of the growing segment, if it has more agreed words than before."""
        agreed = self._agreed(heard_sample)
        if not self._policy.grows or agreed <= self._offered:
            return []
        self._offered = agreed
        return [self._clause(self._unsaid[:agreed], ended=False)]

    def _agreed(self, heard_sample: int) -> int:
        """How many of the unsaid words are agreed."""
        if self._certain is not None:
            return min(self._certain, len(self._unsaid))
        return self._steady(heard_sample, AGREED_SAMPLES)

    def _steady(self, heard_sample: int, samples: int) -> int:
        """How many of the unsaid words have not changed for ``samples``."""
        return sum(since + samples <= heard_sample for since in self._since)

    def _say(self, count: int) -> list[Clause | Caption]:
        """End a segment with the next ``count`` words."""
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
    ) -> Caption:
        certain = min(certain, len(words))
        start, end = self._span(words)
        line = Caption(
            stream="",
            epoch=0,
            language=self._language,
            segment=self._segment,
            revision=self._revision,
            status=status,
            start_sample=start,
            end_sample=end,
            text=_text(words),
            certain=certain,
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
        """The start and end sample of ``words``, not before the end of the last segment."""
        start = max(self._said_end, words[0].start_sample) if words else self._said_end
        return start, max(start, words[-1].end_sample) if words else start


def _text(words: tuple[Word, ...]) -> str:
    return " ".join(word.text for word in words)


def _common(before: tuple[Word, ...], after: tuple[Word, ...]) -> int:
    """The length of the common prefix."""
    for i, (one, other) in enumerate(zip(before, after, strict=False)):
        if one.text != other.text:
            return i
    return min(len(before), len(after))
