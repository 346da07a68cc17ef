"""Pure functions of tensors: masks, recipes, rank correlation."""
