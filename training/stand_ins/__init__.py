"""Makes models of full size with random weights, to measure the cost of real ones without having
them."""
