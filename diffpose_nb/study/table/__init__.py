"""A table of X-rays, registered row by row by several processes or by the jobs of a cluster."""
