"""``python -m segmentation`` is the console command ``segment``."""

from segmentation.cli import main

main()
