"""Helpers of the augmentation callback."""
