"""Claims of the paper and of the logs of 2012, one a module, in the order of their names."""

from alexnet_jax.paper.catalogue import (
    augmentation,
    batch_size,
    colour_noise,
    crossings,
    dropout,
    ensemble,
    initial_values,
    learning_rate_drops,
    lrn,
    lrn_towers,
    momentum,
    overlapping_pooling,
    relu,
    sixth_convolution,
    ten_views,
    two_towers,
)

CLAIMS = {
    module.CLAIM.name: module.CLAIM
    for module in (
        augmentation,
        batch_size,
        colour_noise,
        crossings,
        dropout,
        ensemble,
        initial_values,
        learning_rate_drops,
        lrn,
        lrn_towers,
        momentum,
        overlapping_pooling,
        relu,
        sixth_convolution,
        ten_views,
        two_towers,
    )
}

__all__ = ["CLAIMS"]
