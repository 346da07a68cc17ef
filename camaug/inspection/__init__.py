"""Everything that opens a model: its target layer, feature maps, attention and weights."""
