"""The shipped recognisers: a small TDNN trained on people and synthesizers, in Vosk's layout."""
