"""Films of a run: animated images of what a network attended to from snapshot to snapshot."""
