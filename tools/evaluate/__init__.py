"""Measures the quality of models on material that was not used in training."""
