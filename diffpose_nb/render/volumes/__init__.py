"""Volumes that rays march through: values on a grid, copies prepared for the march, and what lies outside the CT."""
