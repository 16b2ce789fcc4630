"""Two recognisers of one language: the words of a quick one are shown until a better but slower one
has recognised them too. The server does not use this: captions come 0.3 s sooner, but need a fifth
more processor time and 210 MB more memory."""

from collections.abc import Sequence

from server.interpretation.types import Pcm, Transcript, Word
from server.interpretation.vosk_recognizer import VoskRecognizer, VoskStream
from server.interpretation.whisper_recognizer import WhisperRecognizer, WhisperStream


class TwoEars:
    """``sure``: the better one, whose words count. Both have the same language."""

    def __init__(self, quick: VoskRecognizer, sure: WhisperRecognizer) -> None:
        self.language = sure.language
        self._quick = quick
        self._sure = sure

    def stream(self) -> "TwoEarsStream":
        return TwoEarsStream(self._quick.stream(timed=False), self._sure.stream())

    def expecting(self, words: Sequence[str]) -> tuple["TwoEars", dict[str, str]]:
        """As in ``engines``. Only the better one expects the words."""
        sure, unusable = self._sure.expecting(words)
        return TwoEars(self._quick, sure), unusable


class TwoEarsStream:
    """The stream of one speaker."""

    def __init__(self, quick: VoskStream, sure: WhisperStream) -> None:
        self._quick = quick
        self._sure = sure
        self._known = Transcript((), final=False, certain=0)
        self._ended: tuple[Word, ...] = ()  # words of the quick one in utterances that ended
        self._open: tuple[Word, ...] = ()

    @property
    def pause_samples(self) -> int:
        return self._sure.pause_samples

    def accept(self, pcm: Pcm) -> Transcript | None:
        known = self._sure.accept(pcm)
        self._known = known or self._known
        quick = self._quick.accept(pcm)
        if quick is not None:
            self._open = () if quick.final else quick.words
            self._ended += quick.words if quick.final else ()
        if known is None and quick is None:
            return None
        # Words that began before the end of what the better one heard are taken from that one.
        self._ended = tuple(each for each in self._ended if self._is_news(each))
        more = (*self._ended, *filter(self._is_news, self._open))
        return Transcript(self._known.words + more, False, self._known.certain)

    def finish(self) -> Transcript | None:
        self._quick.finish()
        self._ended = self._open = ()
        self._known = Transcript((), final=False, certain=0)
        return self._sure.finish()

    def _is_news(self, word: Word) -> bool:
        return word.start_sample + word.end_sample > 2 * self._sure.heard_sample
