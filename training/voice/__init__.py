"""How the shipped voices were made: teacher speech, features, acoustic model, vocoder, export.

`python -m training.voice --help` does all of it, from a synthesizer or from a person's recordings;
`python -m training.voice.measure` measures a finished voice with piper-tts itself; `python -m
training.voice.card` writes its model card.
"""
