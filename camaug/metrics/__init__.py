"""camaug/metrics."""
