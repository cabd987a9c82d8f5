"""The console command ``segment``."""

from segmentation.cli.commands import app, main

__all__ = ["app", "main"]
