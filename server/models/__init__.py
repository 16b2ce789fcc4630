"""The catalogue of models: what is there, whether it is whole."""
