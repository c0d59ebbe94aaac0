"""Generators of the synthetic data sets, one module each. `files()` gives path (below data/) and text."""
