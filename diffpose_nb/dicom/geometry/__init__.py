"""From the tags of a header to the geometry of an exposure: distances, angles, spacing, principal point, sides."""
