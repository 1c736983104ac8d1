"""Two fluoroscopes that look at one joint at once, and bones cut out of a CT."""
