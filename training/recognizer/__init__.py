"""The starter recognisers: a small TDNN taught by people and synthesizers, in Vosk's layout."""
