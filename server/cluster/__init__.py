"""Several machines that interpret together; see docs/scaling.md."""
