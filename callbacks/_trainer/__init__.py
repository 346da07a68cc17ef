"""Access to the Trainer's internals."""
