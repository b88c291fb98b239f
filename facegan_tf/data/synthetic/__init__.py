"""Drawn faces: portraits of nobody, with known attributes, that stand in for a data set."""

from facegan_tf.data.synthetic.attributes import face_attributes
from facegan_tf.data.synthetic.faces import draw_face

__all__ = ["draw_face", "face_attributes"]
