"""Writing an X-ray as a DICOM object of one of three kinds: XA, Enhanced XA and DX."""
