"""Readers of image folders."""
