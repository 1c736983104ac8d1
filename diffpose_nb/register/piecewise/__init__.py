"""Bones that have moved against each other, each registered with a pose of its own."""
