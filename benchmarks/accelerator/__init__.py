"""Sections of ``benchmarks/gpu_check.py``, each with one table."""
