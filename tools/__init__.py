"""What speaks to, listens to and measures a running server, from the command line."""
