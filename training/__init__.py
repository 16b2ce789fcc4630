"""How the shipped models were made: from freely licensed recordings and sentences, and from
synthesizers."""
