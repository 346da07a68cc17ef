"""Train a classifier and watch what it looks at: ``python train.py fit --config configs/demo.yaml``."""

from camaug.cli import main

if __name__ == "__main__":
    main()
