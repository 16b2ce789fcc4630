"""Benchmarks of a whole server. Each runs in a process beside the server's two."""
