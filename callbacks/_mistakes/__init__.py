"""Parts of ``CamLogger`` that find the validation images that a model gets wrong."""
