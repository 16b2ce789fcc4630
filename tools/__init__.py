"""Command-line tools that speak to, listen to, measure and attack a running server."""
