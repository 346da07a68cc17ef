"""Explanations of image classifiers during training, and augmentation by their saliency maps.

The Lightning callbacks and data modules are in ``camaug.callbacks`` and ``camaug.datamodules``; importing this package
loads neither Lightning nor TensorBoard. The public names are listed in ``__init__.pyi`` and imported at first use, so
that TensorBoard, which loads the package for its tab, starts without PyTorch.
"""

import lazy_loader

from camaug.version import __version__ as __version__

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
