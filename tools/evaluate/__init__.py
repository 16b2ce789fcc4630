"""What the models can do, measured on material that no training saw."""
