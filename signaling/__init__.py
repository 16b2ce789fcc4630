"""The conversation with a participant: messages, order, limits. No media, no models."""
