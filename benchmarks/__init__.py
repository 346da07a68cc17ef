"""Benchmarks of camaug's cost: ``python benchmarks/run.py``."""
