"""Statistics, profiles, names and labels of segments."""
