"""Command line started by ``python -m camaug``."""

import sys

try:
    from camaug.cli import main
except ModuleNotFoundError as error:
    if error.name not in ("camaug.callbacks", "camaug.datamodules"):
        raise
    sys.exit("error: camaug is not installed here: run `pip install .` in its folder")

if __name__ == "__main__":
    main()
