"""Images drawn from a seed: shapes on textured backgrounds."""
