"""Registration of X-rays whose files do not say everything: which view it is, whether mirrored, what is bright."""
