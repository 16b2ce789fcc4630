"""The starter recognisers: a small TDNN taught by synthetic speech, in Vosk's folder layout."""
