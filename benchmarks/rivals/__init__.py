"""Methods that semsig is compared with, each in a few lines on public libraries.

A rival converts local descriptors or pixels of photos to vectors, which are compared by L2
distance. Vocabularies and mixtures are learned from photos of another dataset where there
is one, as semsig's own are.
"""
