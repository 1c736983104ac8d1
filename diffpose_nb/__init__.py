"""Helpers for the notebooks: from a C-arm X-ray and a CT to the pose of the C-arm.

Modules, each resting only on those after it: ``plots``, ``scenes``, ``widgets``, ``exercises``; ``landscapes``,
``evaluate``; ``register``, ``descent``, ``conventions``; ``jacobian``, ``calibration``, ``similarity``; ``render``,
``simulate``; ``dicom``, ``ct``; ``camera``, ``frames``.
"""
