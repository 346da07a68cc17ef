"""The augmentation transform, its recipes and its price."""
