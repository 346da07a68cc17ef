"""How TensorBoard loads the camaug tab."""

from __future__ import annotations

import argparse

from tensorboard.plugins import base_plugin

from camaug.tensorboard.blobs import PLUGIN

__all__ = ["CamaugLoader"]


class CamaugLoader(base_plugin.TBLoader):
    """Makes the tab, of which every epoch is kept: TensorBoard by default keeps ten of a plugin that it does not know.

    It is found by its entry point, ``tensorboard_plugins``: nothing has to be configured. Other plugins keep what they
    kept, and ``--samples_per_plugin camaug=N`` is obeyed.
    """

    def fix_flags(self, flags: argparse.Namespace) -> None:
        """Ask for all steps of this plugin's data, 0 meaning all, unless the user asks for a number."""
        flags.samples_per_plugin = {PLUGIN: 0, **(flags.samples_per_plugin or {})}

    def load(self, context: base_plugin.TBContext) -> base_plugin.TBPlugin:
        """The plugin."""
        from camaug.tensorboard.plugin import CamaugPlugin

        return CamaugPlugin(context)
