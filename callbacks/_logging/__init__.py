"""Helpers of the logging callbacks."""
