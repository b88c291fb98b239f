"""Dropout whose draws depend on the place in the batch, however many devices compute it."""

import keras
import tensorflow as tf

from facegan_tf.model.replica import current_replica


class Dropout(keras.layers.Dropout):
    """Keras' Dropout. A replica takes its rows of what one device would draw for the whole batch."""

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Activations [N, ...] of the same shape; in training each is dropped, or scaled up."""
        replica = current_replica()
        if replica is None or not training or not self.rate:
            return super().call(inputs, training=training)
        all_rows, ours = replica.rows_of(inputs.shape[0])
        kept = super().call(tf.ones([all_rows, *inputs.shape[1:]], inputs.dtype), training=True)
        return inputs * tf.gather(kept, ours)
