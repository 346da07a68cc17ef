"""Entry point through which TensorBoard loads the camaug tab."""

from __future__ import annotations

import argparse

from tensorboard.plugins import base_plugin

from camaug.tensorboard.blobs import PLUGIN

__all__ = ["CamaugLoader"]


class CamaugLoader(base_plugin.TBLoader):
    """Loader of the camaug plugin, registered under the entry point ``tensorboard_plugins``.

    TensorBoard keeps ten steps a tag of a plugin that it does not know. This loader makes it keep every snapshot of the
    camaug plugin; other plugins are unaffected, and ``--samples_per_plugin camaug=N`` still applies.
    """

    def fix_flags(self, flags: argparse.Namespace) -> None:
        """Set ``samples_per_plugin`` to all steps of this plugin unless the user gives a number. Zero means all."""
        flags.samples_per_plugin = {PLUGIN: 0, **(flags.samples_per_plugin or {})}

    def load(self, context: base_plugin.TBContext) -> base_plugin.TBPlugin:
        """Create the plugin."""
        from camaug.tensorboard.plugin import CamaugPlugin

        return CamaugPlugin(context)
