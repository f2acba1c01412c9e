"""Settings of a training run as frozen data, as in `experiments/configs/`; jax is not imported."""

from __future__ import annotations

import math
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from alexnet_jax.errors import InputError
from alexnet_jax.runs.combinations import (
    require_equal_parts,
    require_lars,
    require_layers,
    require_precision,
    require_schedule,
)
from alexnet_jax.runs.constraints import Check, at_least, frozen, plain, require_constraints, within
from alexnet_jax.runs.widths import with_units

Schedule = Literal["constant", "epochs", "plateau", "quadratic"]
Dtype = Literal["float32", "bfloat16", "float64"]
Precision = Literal["default", "highest"]
Classifier = Literal["auto", "new", "copied"]
Resize = Literal["short_bicubic", "short_bilinear", "warp_bicubic", "warp_bilinear"]
Ground = Literal["white", "black"]
Record = Literal["tensorboard"]

# Marks fields that may change when a run is resumed; any other change makes it another run.
_FREE = "may differ"
_COUNT = at_least(1)
_NOT_NEGATIVE = within(0.0, math.inf)
_POSITIVE = Check("must be above 0", lambda value: value > 0)
_BELOW_2_31 = Check("must be below 2^31", lambda value: value < 2**31)
_SIZE = Check("must be > 0, or 0 for the preset's", lambda value: value >= 0)
_DISTINCT = Check("takes different names of layers", lambda names: len(set(names)) == len(names))
_DIFFERENT = Check("takes each name once", lambda names: len(set(names)) == len(names))
_DIVISORS = Check("must be above 0 and finite", lambda stds: all(0 < s < math.inf for s in stds))
_RISING = Check(
    "must rise from above 0",
    lambda values: list(values) == sorted({v for v in values if 0 < v < math.inf}),
)


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Settings of a training run. Defaults are the paper's values where it gives them.

    Configs are values: equal configs have equal hashes, and dictionaries and lists are copied into
    immutable forms. A step is one update of the weights.

    Raises:
      InputError: a value has the wrong type or is out of range, or two values exclude each other.
    """

    # Data.
    name: str
    """Name of the run; its default workdir is runs/NAME."""
    data: str
    """Name of the data set."""
    steps: Annotated[int, _FREE, _COUNT, _BELOW_2_31]
    """Total number of updates. May grow when a run is resumed, unless the schedule is
    "quadratic"."""
    data_dir: Annotated[str, _FREE] = ""
    """Directory of the prepared data sets; "" for a data set that needs none."""

    # Network.
    preset: str = "paper"
    """Name of the architecture, as in `list_presets()`."""
    init: str = "preset"
    """Preset whose initial values the layers take; "preset": the architecture's own."""
    image_size: Annotated[int, _SIZE] = 0
    """Side of the input in pixels; 0: the preset's."""
    start_from: Annotated[str, _FREE] = ""
    """Workdir, file of weights, or name of published ones, with whose weights this run begins; "":
    initial values. It may be moved before a run is resumed, since this run's workdir records the
    hash of the weights."""
    start_checkpoint: Annotated[str, _FREE] = "latest"
    """Checkpoint of `start_from`: "best", "latest" or a step."""
    classifier: Classifier = "auto"
    """Last layer with `start_from`: "new", "copied", or "auto": copied if the classes have the same
    names, else new."""
    freeze: Annotated[tuple[str, ...], _DISTINCT] = ()
    """Layers whose weights do not change."""
    layer_rates: Mapping[str, float] = field(default_factory=dict)
    """Learning rates of layers as multiples of `learning_rate`, by layer, in (0, inf)."""
    layer_decays: Mapping[str, float] = field(default_factory=dict)
    """Weight decay of layers in place of `weight_decay`, by layer, in [0, inf)."""
    layers: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    """Changes to the preset's layers, such as {"conv1": {"maps": 64}}."""

    # Batch.
    batch: Annotated[int, _COUNT] = 128
    """Images per update, over all devices (paper, section 5)."""
    accumulate: Annotated[int, _COUNT] = 1
    """Number of parts of a batch, computed one at a time; divides `batch`."""
    seed: Annotated[int, within(0, 2**32, "[0, 2^32)")] = 0
    """Seed of the initial values, the order of images, the views and dropout."""
    dtype: Dtype = "float32"
    """Type of the computation; parameters are float32, except with "float64"."""
    precision: Precision = "default"
    """Products of float32 numbers. "default": JAX's own, with factors of 8 bits on a TPU and 11 on
    newer GPUs; "highest": float32 on every platform, on a TPU for 1.7 to 2.7 times the time."""
    topology: Annotated[str, _FREE] = "one_device"
    """Distribution over devices: one_device, two_towers, data, data_towers or hybrid."""

    # Update rule and rates.
    learning_rate: Annotated[float, _NOT_NEGATIVE] = 0.01
    """Rate of the first updates after the warm-up (paper, section 5)."""
    momentum: Annotated[float, within(0.0, 1.0)] = 0.9
    """Share of the velocity that the next update keeps (paper, section 5)."""
    rate_inside: bool = True
    """Whether the rate is inside the velocity, as in the paper. False: the rate multiplies the
    velocity when it is added to the weights, as in PyTorch."""
    weight_decay: Annotated[float, _NOT_NEGATIVE] = 5e-4
    """Multiple of the weights that is added to their gradient (paper, section 5)."""
    trust: Annotated[float, _NOT_NEGATIVE] = 0.0
    """Trust coefficient of LARS (`training.optim.lars`); 0: the paper's update."""
    bias_learning_rate: Annotated[float, _NOT_NEGATIVE] = 0.0
    """Rate of the biases under LARS; 0 without it."""
    ema: Annotated[float, within(0.0, 1.0)] = 0.0
    """Decay per update of a moving average of the weights, which is evaluated and saved; 0: no
    average."""
    warmup_epochs: Annotated[float, _NOT_NEGATIVE] = 0.0
    """Epochs over which the rate rises to `learning_rate`."""
    schedule: Schedule = "plateau"
    """Schedule of the rate after the warm-up. "plateau": divided by ten when the test error stalls
    (paper, section 5); "epochs": divided by ten at each of `drop_epochs`; "quadratic": falls to 0
    with the square of the remaining updates; or "constant"."""
    drop_epochs: Annotated[tuple[float, ...], _RISING] = ()
    """Epochs at which the schedule "epochs" divides the rate by ten."""
    patience: Annotated[int, _COUNT] = 3
    """Evaluations in a row without a lower error after which "plateau" divides the rate by ten."""

    # Views.
    random_crop: bool = True
    """Whether training crops are random (paper, section 4.1), or at the centre, as in tests."""
    mirror: bool = True
    """Whether half of the training images are mirrored (paper, section 4.1)."""
    colour_noise: Annotated[float, _NOT_NEGATIVE] = 0.1
    """Standard deviation of the noise along each principal component of the colours, as a share of
    the component's own (paper, section 4.1); 0: no noise."""
    pixel_scale: Annotated[float, _NOT_NEGATIVE, _POSITIVE] = 1.0
    """Factor applied to pixels (0 to 255) minus their mean."""
    channel_std: Annotated[tuple[float, ...], _DIVISORS] = ()
    """Divisor of each channel after `pixel_scale`; (): none."""
    resize: Resize = "short_bicubic"
    """Rule for resizing pictures from files to stored images (`data.read_stored`)."""
    ground: Annotated[Ground, _FREE] = "white"
    """Ground of transparent pictures from files; a training takes that of its prepared data."""

    # Cadence.
    log_every: Annotated[int, _FREE, _COUNT] = 50
    """Updates between two lines of training metrics."""
    evaluate_every: Annotated[int, _FREE, _COUNT] = 1000
    """Updates between two evaluations on the test split."""
    checkpoint_every: Annotated[int, _FREE, _COUNT] = 1000
    """Updates between two checkpoints."""
    record: Annotated[tuple[Record, ...], _FREE, _DIFFERENT] = ()
    """Where measurements go besides metrics.jsonl, with kernels, views, weights and the norms of
    gradients at evaluations: "tensorboard", in the directory of that name in the workdir."""
    keep_checkpoints: Annotated[int, _FREE, _COUNT] = 2
    """Number of newest checkpoints to keep."""
    keep_epochs: Annotated[float, _FREE, _NOT_NEGATIVE] = 0.0
    """Epochs between two checkpoints that are kept permanently; 0: none."""
    flat_steps: Annotated[int, _FREE, within(0, math.inf)] = 5000
    """Updates with a loss no better than chance after which a run stops ("flat after 5k":
    BVLC/caffe issue 3243); 0: never."""

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            object.__setattr__(self, name, frozen(value))
        require_constraints(self)
        require_equal_parts(self.batch, self.accumulate)
        require_precision(self.precision, self.dtype)
        require_layers(self.layers, self.layer_rates, self.layer_decays, self.freeze)
        require_schedule(self.schedule, self.drop_epochs)
        require_lars(
            self.trust,
            self.bias_learning_rate,
            learning_rate=self.learning_rate,
            rate_inside=self.rate_inside,
            layer_rates=self.layer_rates,
            layer_decays=self.layer_decays,
        )

    @property
    def scale(self) -> float | tuple[float, ...]:
        """Factor applied to pixels minus the mean, or a factor for each channel."""
        if not self.channel_std:
            return self.pixel_scale
        return tuple(self.pixel_scale / std for std in self.channel_std)

    def to_json(self) -> dict[str, object]:
        """Return the settings as JSON values by name."""
        return {name: plain(value) for name, value in vars(self).items()}

    @classmethod
    def from_json(cls, value: Mapping[str, object]) -> TrainConfig:
        """Create a config from the result of `to_json`; raise InputError for any other value."""
        try:
            before = {"ground": "black" if value.get("data_dir") else "white"}  # as it was then
            # `__post_init__` checks the types.
            return cls(**{"drop_epochs": value["drop_epochs"], **before, **value})  # type: ignore[arg-type]
        except (AttributeError, TypeError, KeyError) as error:
            raise InputError(f"not the settings of a run: {error}") from error

    def differences(self, other: TrainConfig) -> list[str]:
        """List the settings by which `other` is a different run, as "name: VALUE, now VALUE".

        With the quadratic schedule `steps` counts too, since all its rates depend on the last step.
        """
        may_differ = MAY_DIFFER - ({"steps"} if self.schedule == "quadratic" else set())
        ours, theirs = ({**vars(c), "layers": with_units(c.layers)} for c in (self, other))
        return [
            f"{name}: {getattr(self, name)!r}, now {getattr(other, name)!r}"
            for name in ours
            if name not in may_differ and ours[name] != theirs[name]
        ]


MAY_DIFFER = frozenset(
    name
    for name, hint in typing.get_type_hints(TrainConfig, include_extras=True).items()
    if _FREE in getattr(hint, "__metadata__", ())
)
