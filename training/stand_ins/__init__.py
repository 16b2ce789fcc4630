"""Models of full size with random weights: what the real ones cost, without having them."""
