"""From a file, or a folder of DICOM slices, to voxels and where they are. Hounsfield units are checked elsewhere."""
