"""From input columns to coordinates: contract, transactions, joins, encoding, preparation."""
