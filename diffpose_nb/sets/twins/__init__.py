"""Twins of public sets: files with exactly the published schema, made from the example CT.

A twin lets everything that reads a set run where the set is not: the readers, the protocols, the notebooks and the
tests. Its numbers say nothing about real X-rays.
"""
