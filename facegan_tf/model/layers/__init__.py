"""Keras layers that compute what Keras' own do, by operations that are faster in training.

`placement.py` says where the faster ways of 16 bits apply; elsewhere Keras' own code runs.
"""
