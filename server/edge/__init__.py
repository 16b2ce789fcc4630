"""Further media processes: each holds listeners' connections, and sends to them."""
