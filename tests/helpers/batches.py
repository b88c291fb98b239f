"""Batches as an objective gets them, with what a test leaves out as None."""

from facegan_tf.model.objectives.objective import DiscriminatorBatch


def discriminator_batch(net=None, reals=None, fakes=None, logits=None, label_noise=None):
    """A batch of the discriminator's step, without augmentation."""

    def logits_of(images):
        return net(images, training=True)

    return DiscriminatorBatch(
        discriminator=net,
        logits_of_fakes=logits_of,
        logits_of_reals=logits_of,
        latents=None,
        fakes=fakes,
        reals=reals,
        logits=logits,
        label_noise=label_noise,
    )
