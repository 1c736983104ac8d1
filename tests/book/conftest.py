"""The built book."""

import sys

from the_book import BOOK

# What the book is made with, so that tests can import it.
sys.path[:0] = [str(BOOK), str(BOOK / "_ext")]
