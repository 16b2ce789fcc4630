"""Tolk: a media server that interprets live speech."""
