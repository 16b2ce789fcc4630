"""Attacks on this project's own server, which each of them starts itself, on loopback."""
