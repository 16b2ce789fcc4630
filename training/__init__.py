"""How the starter models were made: of recordings and sentences given away, and synthesizers."""
