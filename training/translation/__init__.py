"""The shipped translation model: one small Transformer for English, Dutch, German and French."""
