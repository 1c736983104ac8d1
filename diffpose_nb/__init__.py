"""From a C-arm X-ray and a CT to the pose of the C-arm: the package under the notebooks.

Every package here is a room with one subject. It imports only rooms on floors below its own; the floors, and what each
room is for, are in CONTRIBUTING.md.
"""
