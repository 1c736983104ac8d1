"""From a file, or a folder of DICOM slices, to voxels and their positions.

:mod:`diffpose_nb.ct.plausible` checks whether the numbers are Hounsfield units.
"""
