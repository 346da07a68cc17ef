"""Files in image folders: finding, checking, splitting and loading them."""
