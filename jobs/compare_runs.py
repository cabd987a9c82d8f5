"""The spark-submit entry point: the same arguments as ``segment compare``."""

import sys

from segmentation.cli import main

if __name__ == "__main__":
    main(["compare", *sys.argv[1:]])
