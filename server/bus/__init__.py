"""Typed messages between the media process and interpreter processes."""
