"""Readers of torchvision's data sets."""
