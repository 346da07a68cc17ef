"""What camaug costs, measured: ``python benchmarks/run.py``."""
