"""Inspection of models: target layer, feature maps, attention and weights."""
