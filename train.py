"""Training of a classifier with heatmaps of what it attends to: ``python train.py fit --config configs/demo.yaml``."""

from camaug.cli import main

if __name__ == "__main__":
    main()
