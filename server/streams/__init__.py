"""Streams and their participants: joining, what each hears, what is interpreted."""
