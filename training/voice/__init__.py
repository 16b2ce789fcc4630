"""How the starter voices were made: teacher speech, features, acoustic model, vocoder, export.

`python -m training.voice --help` runs the whole path; `python -m training.voice.measure`
checks a finished voice with piper-tts itself.
"""
