"""Public sets, registered as a whole: the papers' protocols beside corrected ones, a table, and its summary."""
