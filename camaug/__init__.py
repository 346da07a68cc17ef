"""See what an image classifier looks at while it trains, and use it to train it better.

The Lightning side is in ``camaug.callbacks`` and ``camaug.datamodules``; importing this package loads neither
Lightning nor TensorBoard. What it offers stands in ``__init__.pyi`` and is imported when it is asked for: TensorBoard,
which loads the package for its tab, starts without PyTorch.
"""

import lazy_loader

from camaug.version import __version__ as __version__

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
