"""Stochastic gradient descent in the paper's form, and LARS."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Protocol, cast

import jax
import jax.numpy as jnp
import optax

from alexnet_jax.network import Params


def paper_sgd(
    learning_rate: optax.ScalarOrSchedule,
    momentum: float = 0.9,
    weight_decay: float = 5e-4,
    bias_rate: float = 1.0,
    bias_decay: bool = True,
    layer_rates: Mapping[str, float] | None = None,
    layer_decays: Mapping[str, float] | None = None,
    rate_inside: bool = True,
) -> optax.GradientTransformation:
    """Create the paper's update (section 5), with the learning rate inside the velocity.

        v <- momentum v - weight_decay lr w - lr g
        w <- w + v

    `optax.sgd` and PyTorch multiply by the learning rate outside the velocity, as `rate_inside`
    False does: m <- momentum m + g + weight_decay w; w <- w - lr m. The two forms agree while the
    rate is constant. They differ after it changes, since here the old velocity keeps the old rate.

    Args:
      learning_rate: > 0, or a schedule of the update count.
      momentum: in [0, 1).
      weight_decay: >= 0, applied to all leaves of layers that `layer_decays` does not name.
      bias_rate: the biases' learning rate relative to the weights' (2 in `weights.cu`'s configs).
      bias_decay: whether leaves named "bias" decay.
      layer_rates: layer name -> its learning rate relative to the other layers'; multiplies both
        terms of the velocity, as lr does. Parameters are {layer: {"kernel", "bias"}}.
      layer_decays: layer name -> its weight decay in place of `weight_decay`; >= 0.
      rate_inside: whether lr is inside the velocity, as in 2012.

    Source: paper section 5; `weights.cu` of the 2012 source.

    Example:
      Two updates by the gradient 1, with the rate 1, then 0.5:

      >>> w = {"fc8": {"kernel": jnp.array(0.0)}}
      >>> gradients = {"fc8": {"kernel": jnp.array(1.0)}}
      >>> update = alexnet_jax.paper_sgd(lambda count: 1 / (1 + count), 0.5, weight_decay=0.0)
      >>> state = update.init(w)
      >>> for _ in range(2):
      ...     v, state = update.update(gradients, state, w)
      ...     w = optax.apply_updates(w, v)
      ...     print(v["fc8"]["kernel"], w["fc8"]["kernel"])
      -1.0 -1.0
      -1.0 -2.0
    """
    last = (optax.scale_by_learning_rate(learning_rate), optax.trace(momentum))
    return optax.chain(
        *_decays(weight_decay, layer_decays, bias_decay=bias_decay),
        optax.masked(optax.scale(bias_rate), _bias_mask),
        *(
            optax.masked(optax.scale(rate), partial(_layer_mask, layer))
            for layer, rate in sorted((layer_rates or {}).items())
        ),
        *(last if rate_inside else last[::-1]),
    )


def _decays(
    weight_decay: float, layer_decays: Mapping[str, float] | None, *, bias_decay: bool
) -> Iterator[optax.GradientTransformation]:
    """Yield the decay of the layers that have one of their own, and that of all others."""

    if not layer_decays:
        yield optax.add_decayed_weights(weight_decay, mask=None if bias_decay else _weight_mask)
        return

    def mask(wanted: Callable[[str], bool]) -> Callable[[Params], dict[str, dict[str, bool]]]:
        return lambda params: {
            layer: {part: wanted(layer) and (bias_decay or part != "bias") for part in parts}
            for layer, parts in params.items()
        }

    others = mask(lambda name: name not in layer_decays)
    yield optax.add_decayed_weights(weight_decay, mask=others)
    for layer, decay in sorted(layer_decays.items()):
        yield optax.add_decayed_weights(decay, mask=mask(partial(operator.eq, layer)))


def lars(
    learning_rate: optax.ScalarOrSchedule,
    momentum: float = 0.9,
    weight_decay: float = 5e-4,
    trust: float = 1e-3,
    bias_scale: float = 1e-3,
) -> optax.GradientTransformation:
    """Create layer-wise adaptive rate scaling (LARS): updates in proportion to a layer's weights.

        v <- momentum v - lr trust |w| / (|g| + weight_decay |w|) (g + weight_decay w)
        w <- w + v

    with Euclidean norms over all of a layer's weights, however many devices they are split over.

    `optax.lars` differs in two ways. It divides by |g + weight_decay w|, which is small where the
    two terms cancel. Where a norm is 0, it applies the full rate, which is too large for biases:
    they start from 0, and rates are 10 and more here. Therefore biases here follow
    v <- momentum v - lr bias_scale g, without decay, and an undefined ratio
    |w| / (|g| + weight_decay |w|) is replaced by 1.

    Args:
      learning_rate: > 0, or a schedule of the update count.
      momentum: in [0, 1).
      weight_decay: >= 0, applied to all leaves except those named "bias".
      trust: > 0.
      bias_scale: the biases' learning rate relative to `learning_rate`.

    Source: You, Gitman, Ginsburg, *Large Batch Training of Convolutional Networks*, 2017
    (arXiv 1708.03888), algorithm 1.
    """
    return optax.chain(
        optax.masked(_layerwise(trust, weight_decay), _weight_mask),
        optax.masked(optax.scale(bias_scale), _bias_mask),
        optax.scale_by_learning_rate(learning_rate),
        optax.trace(momentum),
    )


def _layerwise(trust: float, weight_decay: float) -> optax.GradientTransformation:
    """Scale every leaf to trust |w| / (|g| + weight_decay |w|) (g + weight_decay w)."""

    def scaled(g: jax.Array, w: jax.Array) -> jax.Array:
        norm_w, norm_g = _norm(w), _norm(g)
        denominator = norm_g + weight_decay * norm_w
        defined = (norm_w > 0) & (denominator > 0)
        ratio = jnp.where(defined, norm_w / jnp.where(defined, denominator, 1.0), 1.0)
        return trust * ratio * (g + weight_decay * w)

    return optax.stateless(lambda updates, params: jax.tree.map(scaled, updates, params))


def _norm(x: jax.Array) -> jax.Array:
    return jnp.sqrt(jnp.sum(jnp.square(x)))


def _bias_mask(params: optax.Params) -> optax.Params:
    """Return True for the leaves named "bias", else False."""

    def is_bias(path: tuple[object, ...], _: object) -> bool:
        return bool(path) and getattr(path[-1], "key", None) == "bias"

    mask: optax.Params = jax.tree_util.tree_map_with_path(is_bias, params)
    return mask


def _weight_mask(params: optax.Params) -> optax.Params:
    """Return False for the leaves named "bias", else True."""
    mask: optax.Params = jax.tree.map(lambda is_bias: not is_bias, _bias_mask(params))
    return mask


def _layer_mask(name: str, params: Params) -> dict[str, bool]:
    return {layer: layer == name for layer in params}  # one value for all leaves of a layer


def velocity(opt_state: optax.OptState) -> Params:
    """Return the velocity v in `paper_sgd`'s state, a tree of the trained parameters' shapes."""
    trace: Params = optax.tree.get(opt_state, "trace")
    return trace


class Injected(Protocol):
    """State of an optimizer created by `optax.inject_hyperparams`."""

    @property
    def hyperparams(self) -> Mapping[str, jax.Array]: ...
    def _replace(self, *, hyperparams: Mapping[str, jax.Array]) -> optax.OptState: ...


def with_rate(opt_state: optax.OptState, rate: jax.Array) -> optax.OptState:
    """Return an optimizer state whose next update uses this learning rate, [] float32."""
    state = cast(Injected, opt_state)  # optax has one type for all states
    old = state.hyperparams["learning_rate"]
    return state._replace(
        hyperparams={**state.hyperparams, "learning_rate": rate.astype(old.dtype)}
    )


def moving_average(average: Params, params: Params, decay: float, step: jax.Array) -> Params:
    """Compute the average of the weights after one more update.

        avg <- avg + max(1 - decay, 1 / (step + 1)) (w - avg)

    This is the mean over all updates until there have been 1 / (1 - decay) of them, and an
    exponential moving average from then on. The initial weights do not enter it.

    Args:
      average: the average before the update.
      params: the weights after the update, a tree of the same shapes.
      decay: in (0, 1).
      step: [] int32, updates made before this one.
    """
    weight = jnp.maximum(jnp.float32(1 - decay), 1 / (step + 1).astype(jnp.float32))
    moved: Params = jax.tree.map(
        lambda old, new: old + weight.astype(old.dtype) * (new - old), average, params
    )
    return moved
