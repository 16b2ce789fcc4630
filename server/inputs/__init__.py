"""Live sources as speakers: streams, sound cards and files, spoken into a running server."""
