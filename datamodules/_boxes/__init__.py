"""Readers of images with boxes."""
