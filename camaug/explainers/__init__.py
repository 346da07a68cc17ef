"""camaug/explainers."""
