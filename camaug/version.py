"""The version, on its own so that the build reads it without importing PyTorch."""

__version__ = "0.2.0"
