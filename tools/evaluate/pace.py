"""How soon captions showed each word of a talk, and how fast each line was spoken."""

from collections.abc import Sequence

from server.interpretation.engines import Synthesizer
from tools.evaluate.alignment import Expected, align, of_each
from tools.evaluate.captions import Shown
from tools.evaluate.live import Heard, voiced_s
from tools.evaluate.talks import Talk
from training.phrases import normalise


def delays_s(talk: Talk, shown: Sequence[Shown]) -> list[float]:
    """For each word of the talk that is ``shown`` in captions of its own language, the time from
    when it was said until it was first shown."""
    expected = [
        Expected([word.text for word in each.words], each.start_s, each.end_s)
        for each in talk.sentences
    ]
    return [
        word.start_s - talk.sentences[place.sentence].words[place.word].end_s
        for word, place in zip(shown, align(shown, expected), strict=True)
        if place.alike == 1
    ]


def rates(heard: Heard, voice: Synthesizer) -> list[float]:
    """How fast each caption was spoken whose first and last words were heard: 1 is the voice's own
    pace, more is faster. Pauses do not count, nor do lines found where there was no sound."""
    assert heard.words is not None
    texts = {line.segment: line.text for line in heard.captions if line.status == "final"}
    first_s = {line.segment: line.at_s for line in reversed(heard.captions)}
    segments = [each for each in sorted(texts) if normalise(texts[each])]
    expected = [
        Expected(normalise(texts[each]).split(), first_s[each], first_s[each]) for each in segments
    ]
    found = of_each(heard.words, align(heard.words, expected), len(expected))
    every = []
    for segment, sentence, words in zip(segments, expected, found, strict=True):
        times = {place.word: word for word, place in words if place.alike}
        if {0, len(sentence.words) - 1} <= times.keys():
            start_s, end_s = times[0].start_s, times[len(sentence.words) - 1].end_s
            took_s = sum(max(0.0, min(e, end_s) - max(s, start_s)) for s, e in heard.voiced)
            own = voiced_s(voice.synthesize(texts[segment], 1.0), voice.rate_hz)
            if took_s:
                every.append(sum(e - s for s, e in own) / took_s)
    return every
