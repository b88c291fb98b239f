from facegan_tf.common.keras_backend import require_tensorflow

require_tensorflow()
