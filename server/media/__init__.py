"""RTP in, RTP out. Knows aiortc and av; knows no model and no HTTP."""
