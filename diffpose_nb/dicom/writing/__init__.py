"""From an X-ray to a DICOM object of one of three kinds: XA, Enhanced XA and DX."""
