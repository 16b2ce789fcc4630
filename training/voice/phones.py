"""How well single phones are understood, where there is no recogniser to read a voice back.

A small network learns to hear the language from espeak-ng's other throats and then says which
phone each frame is: of the synthesizer that the voice copied, and of the voice.
"""

import random
from collections.abc import Iterator
from typing import Final

import numpy as np
from piper import PiperVoice, SynthesisConfig

from training.data import Language
from training.voice.aligner import Example, PhoneAligner, example_of
from training.voice.analysis import analyse
from training.voice.audio import at_speech_level
from training.voice.languages import TONGUES
from training.voice.lessons import Lesson
from training.voice.sentences import sentences
from training.voice.synthetic import VARIANTS, School, varied_lessons
from training.voice.teachers import EspeakTeacher

MINUTES: Final = 12.0
STEPS: Final = 1000
SCALES: Final = (1.0, 0.7)


def phones_right(
    voice: PiperVoice, language: Language, known: list[str], unseen: list[str]
) -> dict[str, float]:
    """Shares of frames, by name; `known` sentences to learn from, `unseen` to try on."""
    espeak_voice = TONGUES[language].espeak_voice
    rng = random.Random(3)
    texts = sentences(language, known, rng)
    taught = varied_lessons(espeak_voice, texts, MINUTES, rng, VARIANTS[1:])
    school = School(EspeakTeacher(espeak_voice))
    made = [lesson for text in unseen if (lesson := school.lesson(text, 1.0)) is not None]
    copied = [example_of(lesson) for lesson in made]
    spoken = {scale: list(_spoken(voice, made, scale)) for scale in SCALES}
    learnt = [example_of(lesson) for lesson in taught]
    labels = {sound.label for each in [*learnt, *copied] for sound in each.said}
    listener = PhoneAligner(labels)
    listener.learn(learnt, STEPS, seed=3)
    figures = {"voice.phones_right_synthesizer": listener.right(copied)}
    for scale, examples in spoken.items():
        figures[f"voice.phones_right_at_{scale}"] = listener.right(examples)
    return figures


def _spoken(voice: PiperVoice, made: list[Lesson], scale: float) -> Iterator[Example]:
    """The same sentences by the voice, which says how long each id takes."""
    settings = SynthesisConfig(length_scale=scale)
    hop = voice.config.hop_length
    for lesson in made:
        found = voice.phoneme_ids_to_audio(lesson.ids, settings, include_alignments=True)
        samples, held = np.asarray(found[0], np.float64), np.asarray(found[1])
        frames = np.round(held / hop).astype(int).tolist()
        features = analyse(at_speech_level(samples))
        yield example_of(Lesson(lesson.text, lesson.ids, frames, scale, features))
