"""The geometry of an exposure from the tags of a header: distances, angles, spacing, principal point, orientation."""
