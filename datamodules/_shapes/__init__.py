"""The drawn shapes."""
