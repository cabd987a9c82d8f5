"""From input columns to coordinates: the contract and the preparation."""
