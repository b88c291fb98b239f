"""Drawn faces: portraits of no real person, with known attributes, for use in place of a data set."""

from facegan_tf.data.synthetic.attributes import face_attributes
from facegan_tf.data.synthetic.faces import draw_face

__all__ = ["draw_face", "face_attributes"]
