"""How the starter voices were made: teacher speech, features, acoustic model, vocoder, export.

`python -m training.voice --help` runs the whole path, from a synthesizer or from a person's
recordings; `python -m training.voice.measure` checks a finished voice with piper-tts itself;
`python -m training.voice.card` writes down what it is.
"""
