"""The spark-submit entry point: the same arguments as ``segment run``."""

import sys

from segmentation.cli import main

if __name__ == "__main__":
    main(["run", *sys.argv[1:]])
