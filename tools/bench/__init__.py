"""Benchmarks of a whole server, each in a process of its own beside the server's two."""
