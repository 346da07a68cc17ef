"""camaug."""
