"""``tolk output``: writes a channel of a running server to Icecast, RTMP, RTP or a file."""
