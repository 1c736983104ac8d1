"""Which pixels of an X-ray a registration compares with the CT, and how much each is worth."""
