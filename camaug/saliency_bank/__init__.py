"""Saliency maps on disk, and carried through transforms."""
