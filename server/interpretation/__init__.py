"""Speech to text to translated text to speech. Uses no socket, no aiortc, no av."""
