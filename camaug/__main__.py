"""Command line started by ``python -m camaug``."""

from camaug.cli import main

if __name__ == "__main__":
    main()
