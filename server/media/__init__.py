"""RTP in, RTP out. Imports aiortc and av; no models, no HTTP."""
