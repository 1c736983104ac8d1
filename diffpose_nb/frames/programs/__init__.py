"""How other programs write a pose. Each program has a module with the conversions from it and to it."""
