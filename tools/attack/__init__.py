"""Attacks on this project's server. Each attack starts a server of its own on loopback."""
