"""The low-precision forward pass with folded batch-norm."""
