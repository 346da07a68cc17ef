"""Images with boxes: annotation formats, checks, and data sets."""
