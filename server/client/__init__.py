"""Headless participants, for the demo, the tools and the tests. No part of a server."""
