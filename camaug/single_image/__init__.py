"""Explanations of single images."""
