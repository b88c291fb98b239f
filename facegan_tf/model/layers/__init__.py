"""Keras layers that compute what Keras' own do, by operations that are faster in training.

`placement.py` says where convolutions and LeakyReLU have faster ways of 16 bits; elsewhere they run Keras'
own code.
"""
