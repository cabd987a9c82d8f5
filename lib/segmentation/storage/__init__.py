"""Files and catalogs: the only package that touches them."""
