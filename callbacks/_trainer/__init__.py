"""Everything that touches the Trainer's internals."""
