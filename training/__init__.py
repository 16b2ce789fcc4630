"""How the starter models were made: small, honest, trained on synthetic speech and open text."""
