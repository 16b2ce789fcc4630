"""Recordings of streams: the sound of their channels, and their captions, in files."""
