"""The models: which are installed, which can be fetched, and how they are fetched and checked."""
