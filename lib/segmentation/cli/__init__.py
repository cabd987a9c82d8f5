"""The console command ``segment``."""

from segmentation.cli.application import app, main

__all__ = ["app", "main"]
