"""Things in an X-ray that the CT does not show: materials, shapes, and sets of them that are ready to use."""
