"""The only rooms that touch files and catalogs."""
