"""Convolutions in 16 bits on a CPU, by whichever of several formulas is fastest for their shapes.

Measured with oneDNN in bfloat16, on processors with AMX:

- Where maps are small, the gradient for a kernel takes three to five times as long as it could. Computed as a
  convolution over the batch, whose kernel is the maps, it does not.
- From maps to images, a kernel that does not fit a core's cache is read again and again. Each quarter of the
  pixels depends on a quarter of the kernel, which may fit.
- A kernel as large as the image makes a dense layer, which is a product of matrices.

In float32 this gained nothing, and on a GPU it was not tried; in both cases, Keras' own layers run.
"""

from collections.abc import Callable

import keras
import tensorflow as tf

from facegan_tf.model.layers.placement import in_16_bits_on_a_cpu

SMALL_MAP = 64
"""Largest map, in pixels, for which a kernel's gradient is computed over the batch."""
CACHE_BYTES = 2**21
"""Size of a core's second-level cache on the processors measured."""

Differentiated = tuple[tf.Tensor, Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]]
"""A result, and the function from its gradient to the gradients of both arguments."""


class Conv2D(keras.layers.Conv2D):
    """Keras' Conv2D."""

    def convolution_op(self, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        """Images [N, H, W, C] and a kernel [KH, KW, C, M] -> maps [N, h, w, M]."""
        if not (in_16_bits_on_a_cpu(inputs) and _is_plain(self, inputs)):
            return super().convolution_op(inputs, kernel)
        kernel = tf.convert_to_tensor(kernel)
        return Convolution(inputs.shape[1:3], kernel.shape, self.strides, self.padding).maps(inputs, kernel)


class Conv2DTranspose(keras.layers.Conv2DTranspose):
    """Keras' Conv2DTranspose."""

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Maps [N, h, w, M] -> images [N, H, W, C]."""
        if not (in_16_bits_on_a_cpu(inputs) and _is_plain(self, inputs) and self.output_padding is None):
            return super().call(inputs)
        kernel = tf.convert_to_tensor(self.kernel)
        sides = self.compute_output_shape(inputs.shape)[1:3]
        outputs = Convolution(sides, kernel.shape, self.strides, self.padding).images(inputs, kernel)
        if self.use_bias:
            outputs = tf.nn.bias_add(outputs, tf.convert_to_tensor(self.bias))
        return outputs if self.activation is None else self.activation(outputs)


def _is_plain(layer: keras.layers.Conv2D | keras.layers.Conv2DTranspose, inputs: tf.Tensor) -> bool:
    """Whether it uses no option of Keras that `Convolution` lacks, and the shapes are known."""
    spread = tuple(layer.dilation_rate) != (1, 1) or getattr(layer, "groups", 1) != 1
    return layer.data_format == "channels_last" and not spread and None not in inputs.shape[1:]


class Convolution:
    """A convolution of given shapes, its transpose, and the gradient for its kernel.

    images: [N, H, W, C]; maps: [N, h, w, M]; kernel: [KH, KW, C, M]. Each of the three functions is linear in
    both of its arguments, and its gradients are the other two functions. So gradients exist to any order.
    """

    def __init__(
        self, sides: tuple[int, int], kernel_shape: tf.TensorShape, strides: tuple[int, int], padding: str
    ):
        """sides: H and W. kernel_shape: [KH, KW, C, M]. padding: "same" or "valid"."""
        self.sides, self.strides = tuple(sides), tuple(strides)
        self.kernel_shape = tuple(kernel_shape)
        self._options = {"strides": [1, *strides, 1], "padding": padding.upper()}
        kernel_sides = self.kernel_shape[:2]
        counted = zip(self.sides, kernel_sides, self.strides, strict=True)
        self.places = tuple(
            -(-side // stride) if padding == "same" else (side - kernel) // stride + 1
            for side, kernel, stride in counted
        )
        """h and w."""
        reached = zip(self.places, self.strides, kernel_sides, strict=True)
        self._reach = [(count - 1) * stride + kernel for count, stride, kernel in reached]
        missing = [max(reach - side, 0) for reach, side in zip(self._reach, self.sides, strict=True)]
        self._pads = [[each // 2, each - each // 2] for each in missing]
        self._is_dense = self.places == (1, 1) and kernel_sides == self.sides
        self._has_phases = (
            kernel_sides == (4, 4)
            and self.strides == (2, 2)
            and tuple(2 * count for count in self.places) == self.sides
        )

    def maps(self, images: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        """The convolution."""
        if self._is_dense:
            matrix = tf.reshape(kernel, [-1, self.kernel_shape[3]])
            return tf.matmul(tf.reshape(images, [-1, matrix.shape[0]]), matrix)[:, None, None]

        @tf.custom_gradient
        def convolve(images: tf.Tensor, kernel: tf.Tensor) -> Differentiated:
            maps = tf.raw_ops.Conv2D(input=images, filter=kernel, **self._options)
            return maps, lambda change: (self.images(change, kernel), self.kernel(images, change))

        return convolve(images, kernel)

    def images(self, maps: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        """The transposed convolution."""
        shape = [-1, *self.sides, self.kernel_shape[2]]
        if self._is_dense:
            matrix = tf.reshape(kernel, [-1, self.kernel_shape[3]])
            flat = tf.matmul(tf.reshape(maps, [-1, matrix.shape[1]]), matrix, transpose_b=True)
            return tf.reshape(flat, shape)

        @tf.custom_gradient
        def convolve(maps: tf.Tensor, kernel: tf.Tensor) -> Differentiated:
            if self._has_phases and kernel.dtype.size * kernel.shape.num_elements() > CACHE_BYTES:
                images = self._images_by_phase(maps, kernel)
            else:
                sizes = tf.concat([tf.shape(maps)[:1], shape[1:]], axis=0)
                images = tf.raw_ops.Conv2DBackpropInput(
                    input_sizes=sizes, filter=kernel, out_backprop=maps, **self._options
                )
            images = tf.ensure_shape(images, [maps.shape[0], *shape[1:]])
            return images, lambda change: (self.maps(change, kernel), self.kernel(change, maps))

        return convolve(maps, kernel)

    def kernel(self, images: tf.Tensor, maps: tf.Tensor) -> tf.Tensor:
        """The gradient for the kernel, where `maps` is the gradient for the convolution of `images`."""

        @tf.custom_gradient
        def correlate(images: tf.Tensor, maps: tf.Tensor) -> Differentiated:
            if self.places[0] * self.places[1] <= SMALL_MAP:
                kernel = self._kernel_over_batch(images, maps)
            else:
                kernel = tf.raw_ops.Conv2DBackpropFilter(
                    input=images, filter_sizes=self.kernel_shape, out_backprop=maps, **self._options
                )
            return kernel, lambda change: (self.images(maps, change), self.maps(images, change))

        return correlate(images, maps)

    def _images_by_phase(self, maps: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        """The transposed convolution with kernel 4 and stride 2, as four convolutions with kernels of 2.

        Pixels of even row (column) take rows 3 and 1 of the kernel; those of odd row take rows 2 and 0.
        """
        taps = ([3, 1], [2, 0])
        kernel = tf.transpose(kernel, [0, 1, 3, 2])
        rows = []
        for row in (0, 1):
            columns = []
            for column in (0, 1):
                phase = tf.raw_ops.Conv2D(
                    input=maps,
                    filter=tf.gather(tf.gather(kernel, taps[row]), taps[column], axis=1),
                    strides=[1, 1, 1, 1],
                    padding="EXPLICIT",
                    explicit_paddings=[0, 0, 1 - row, row, 1 - column, column, 0, 0],
                )
                columns.append(phase)
            rows.append(tf.stack(columns, axis=3))
        return tf.reshape(tf.stack(rows, axis=2), [-1, *self.sides, self.kernel_shape[2]])

    def _kernel_over_batch(self, images: tf.Tensor, maps: tf.Tensor) -> tf.Tensor:
        """The kernel's gradient as a convolution whose channels are the batch, dilated by the stride."""
        within = images[:, : self._reach[0], : self._reach[1]]  # without what the kernel never reaches
        correlated = tf.raw_ops.Conv2D(
            input=tf.transpose(within, [3, 1, 2, 0]),
            filter=tf.transpose(maps, [1, 2, 0, 3]),
            strides=[1, 1, 1, 1],
            dilations=[1, *self.strides, 1],
            padding="EXPLICIT",
            explicit_paddings=[0, 0, *self._pads[0], *self._pads[1], 0, 0],
        )
        return tf.transpose(correlated, [1, 2, 0, 3])
