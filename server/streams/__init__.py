"""Streams and who is in them: joining, what is heard, what is interpreted."""
