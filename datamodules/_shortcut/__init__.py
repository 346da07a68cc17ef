"""Marks that are painted into images, and data sets of marked images."""
