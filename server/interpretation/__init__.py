"""Sound to text to text to sound. Knows no socket, no aiortc, no av."""
