"""How other programs write a pose: one module each, with the way there and the way back."""
