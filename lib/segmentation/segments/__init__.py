"""What the segments are: profiles, shares and names."""
