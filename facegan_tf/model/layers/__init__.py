"""Keras layers: Keras' own, but faster in training or right on several devices, and some that it lacks.

`placement.py` says where convolutions and LeakyReLU run faster 16-bit code; elsewhere they run Keras' own.
"""
