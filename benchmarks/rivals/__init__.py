"""Methods that semsig is compared with, each a few lines over public libraries.

A rival turns what was found in photos, local descriptors or pixels, into vectors; distances are
L2 between them. Vocabularies and mixtures are learned from photos of another dataset where there
is one, as semsig's own are.
"""
