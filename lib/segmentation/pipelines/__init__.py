"""What a command computes, one module per command, and what only these need."""
