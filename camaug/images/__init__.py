"""Image files, preprocessing and rendering."""
