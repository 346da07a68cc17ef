"""The classifier, its optimisation and checkpoints."""
