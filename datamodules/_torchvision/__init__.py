"""Data sets of torchvision: their splits, labels and class names."""
