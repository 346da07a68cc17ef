"""Reading, preparing, rendering and writing images."""
