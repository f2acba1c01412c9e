"""A training run as frozen data: what `experiments/configs/` hold. jax is not imported here."""

from __future__ import annotations

import dataclasses
import math
import sys
import typing
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from alexnet_jax.errors import InputError

Schedule = Literal["constant", "epochs", "plateau", "quadratic"]
Dtype = Literal["float32", "bfloat16", "float64"]
Classifier = Literal["auto", "new", "copied"]
Resize = Literal["short_bicubic", "short_bilinear", "warp_bicubic", "warp_bilinear"]

_TUPLES = ("drop_epochs", "freeze", "channel_std")

# What may change when a run goes on; everything else makes it another run.
MAY_DIFFER = frozenset(
    {
        "steps",
        "data_dir",
        # The workdir remembers the hash of the parameters themselves.
        "start_from",
        "start_checkpoint",
        "topology",
        "log_every",
        "evaluate_every",
        "checkpoint_every",
        "keep_checkpoints",
        "keep_epochs",
        "flat_steps",
    }
)


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Everything that decides a run. Defaults are the paper's (section 5) where it has a number.

    Steps are updates of the weights. `data_dir` is where a prepared `data` set is. `init` names
    the preset whose initial values the layers take, "preset" meaning its own; `image_size` 0 is
    the preset's. Without `random_crop`, training sees the centre of every image, as testing does. A
    batch is computed in `accumulate` parts. `ema` > 0 evaluates and keeps a moving average of the
    weights, with that decay. `trust` > 0 updates by `training.optim.lars` with that coefficient,
    the biases at `bias_learning_rate`. `rate_inside` False multiplies the velocity by the rate
    where it is added to the weights, as PyTorch does. The rate rises over `warmup_epochs` first.
    `keep_epochs` > 0 keeps a checkpoint for good every so many epochs. A run whose loss is no
    better than chance for `flat_steps` is stopped; 0: never.

    `resize` says how pictures from files become stored images (`data.read_stored`); pixels
    minus the mean are multiplied by `pixel_scale` and divided by `channel_std`, channel by channel,
    where that is given.

    `start_from` is the workdir of a run whose weights this one begins with, at `start_checkpoint`.
    The last layer is then "new", "copied", or "auto": copied where the classes are the same by
    name, new elsewhere. Layers in `freeze` keep their weights, bit for bit; `layer_rates` are the
    learning rates of layers relative to the others'.
    InputError says which value is out of range.
    """

    name: str
    data: str
    steps: int
    data_dir: str = ""
    preset: str = "paper"
    init: str = "preset"
    image_size: int = 0
    start_from: str = ""
    start_checkpoint: str = "latest"
    classifier: Classifier = "auto"
    freeze: tuple[str, ...] = ()
    layer_rates: dict[str, float] = field(default_factory=dict)
    layers: dict[str, dict[str, Any]] = field(default_factory=dict)
    batch: int = 128
    accumulate: int = 1
    seed: int = 0
    dtype: Dtype = "float32"
    topology: str = "one_device"
    learning_rate: float = 0.01
    momentum: float = 0.9
    rate_inside: bool = True
    weight_decay: float = 5e-4
    trust: float = 0.0
    bias_learning_rate: float = 0.0
    ema: float = 0.0
    warmup_epochs: float = 0.0
    schedule: Schedule = "plateau"
    drop_epochs: tuple[float, ...] = ()
    patience: int = 3
    random_crop: bool = True
    mirror: bool = True
    colour_noise: float = 0.1
    pixel_scale: float = 1.0
    channel_std: tuple[float, ...] = ()
    resize: Resize = "short_bicubic"
    log_every: int = 50
    evaluate_every: int = 1000
    checkpoint_every: int = 1000
    keep_checkpoints: int = 2
    keep_epochs: float = 0.0
    flat_steps: int = 5000  # "flat after 5k": BVLC/caffe issue 3243

    def __post_init__(self) -> None:
        _require_kinds(self)
        for name in ("steps", "batch", "accumulate", "patience", "log_every", "evaluate_every",
                     "checkpoint_every", "keep_checkpoints"):  # fmt: skip
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, got {getattr(self, name)}")
        for name, low, high in (
            ("learning_rate", 0.0, float("inf")),
            ("momentum", 0.0, 1.0),
            ("weight_decay", 0.0, float("inf")),
            ("trust", 0.0, float("inf")),
            ("bias_learning_rate", 0.0, float("inf")),
            ("ema", 0.0, 1.0),
            ("warmup_epochs", 0.0, float("inf")),
            ("colour_noise", 0.0, float("inf")),
            ("pixel_scale", 0.0, float("inf")),
            ("keep_epochs", 0.0, float("inf")),
            ("flat_steps", 0, float("inf")),
        ):
            if not low <= getattr(self, name) < high:
                raise InputError(
                    f"{name} must lie in [{low:g}, {high:g}), got {getattr(self, name)}"
                )
        for name, choices in (
            ("schedule", Schedule), ("dtype", Dtype), ("classifier", Classifier),
            ("resize", Resize),
        ):  # fmt: skip
            if getattr(self, name) not in get_args(choices):
                allowed = ", ".join(get_args(choices))
                raise InputError(f"{name} must be one of {allowed}, got {getattr(self, name)!r}")
        if self.batch % self.accumulate:
            raise InputError(
                f"accumulate must divide the batch of {self.batch}, got {self.accumulate}"
            )
        if self.image_size < 0:
            raise InputError(
                f"image_size must be > 0, or 0 for the preset's, got {self.image_size}"
            )
        if self.steps >= 2**31:
            raise InputError(f"steps must be below 2^31, got {self.steps}")
        if not self.pixel_scale > 0:
            raise InputError(f"pixel_scale must be above 0, got {self.pixel_scale}")
        if not all(0 < std < math.inf for std in self.channel_std):
            raise InputError(f"channel_std must be above 0 and finite, got {self.channel_std}")
        if not 0 <= self.seed < 2**32:
            raise InputError(f"seed must lie in [0, 2^32), got {self.seed}")
        _require_schedule(self)
        _require_rates(self)

    @property
    def scale(self) -> float | tuple[float, ...]:
        """The factor on pixels minus the mean, or one for each channel."""
        return tuple(self.pixel_scale / std for std in self.channel_std) or self.pixel_scale

    def to_json(self) -> dict[str, Any]:
        tuples = {name: list(getattr(self, name)) for name in _TUPLES}
        return dataclasses.asdict(self) | tuples

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> TrainConfig:
        """The config that `to_json` wrote; InputError where it is not one."""
        try:
            tuples = {name: tuple(value[name]) for name in _TUPLES if name in value}
            return cls(**{"drop_epochs": value["drop_epochs"], **value, **tuples})
        except (TypeError, KeyError) as error:
            raise InputError(f"not the settings of a run: {error}") from error

    def differences(self, other: TrainConfig) -> list[str]:
        """What makes `other` another run than this one, as "name: this, other".

        The quadratic schedule's rates depend on where it ends, so there `steps` may not differ.
        """
        may_differ = MAY_DIFFER - ({"steps"} if self.schedule == "quadratic" else set())
        return [
            f"{name}: {value!r}, now {getattr(other, name)!r}"
            for name, value in vars(self).items()
            if name not in may_differ and getattr(other, name) != value
        ]


def _require_kinds(config: TrainConfig) -> None:
    """Raises InputError where a number is not one: a config is a file that anyone may write."""
    for name, hint in typing.get_type_hints(TrainConfig).items():
        value = getattr(config, name)
        kinds = {int: (int,), float: (int, float), str: (str,), bool: (bool,)}.get(hint)
        if kinds and (not isinstance(value, kinds) or (hint is not bool and value is True)):
            raise InputError(f"{name} must be {hint.__name__}, got {value!r}")
        if hint is float and abs(value) > sys.float_info.max and value != math.inf:
            raise InputError(f"{name} must be a number that float64 holds")
    if not isinstance(config.layers, dict) or not all(
        isinstance(name, str) and isinstance(fields, dict) for name, fields in config.layers.items()
    ):
        raise InputError(f"layers must hold fields by layer, got {config.layers!r}")


def _require_schedule(config: TrainConfig) -> None:
    """Raises InputError for drops of the rate that are out of order or that nothing reads."""
    rising = list(config.drop_epochs) == sorted(set(config.drop_epochs))
    if not rising or not all(0 < epoch < math.inf for epoch in config.drop_epochs):
        raise InputError(f"drop_epochs must rise from above 0, got {config.drop_epochs}")
    if (config.schedule == "epochs") != bool(config.drop_epochs):
        raise InputError(
            f"schedule {config.schedule!r} with drop_epochs {config.drop_epochs}: the schedule "
            "'epochs' needs drop_epochs, and only it takes them"
        )


def _require_rates(config: TrainConfig) -> None:
    """Raises InputError for rates that do not go together, and for layers that are frozen or have
    rates, and cannot."""
    if (config.trust > 0) != (config.bias_learning_rate > 0):
        raise InputError(
            f"trust {config.trust:g} with bias_learning_rate {config.bias_learning_rate:g}: LARS "
            "takes both above 0, the paper's update neither"
        )
    if config.trust > 0 and not config.learning_rate > 0:
        raise InputError(f"LARS takes a learning_rate above 0, got {config.learning_rate}")
    if config.trust > 0 and not config.rate_inside:
        raise InputError("LARS has its rate inside the velocity, got rate_inside False")
    if config.trust > 0 and config.layer_rates:
        raise InputError(
            f"LARS sets every layer's rate itself and takes no layer_rates, got "
            f"{config.layer_rates}"
        )
    freeze, rates = config.freeze, config.layer_rates
    if not all(isinstance(name, str) for name in freeze) or len(set(freeze)) < len(freeze):
        raise InputError(f"freeze takes different names of layers, got {freeze}")
    if not isinstance(rates, dict) or not all(isinstance(name, str) for name in rates):
        raise InputError(f"layer_rates takes rates by names of layers, got {rates!r}")
    for name, rate in rates.items():
        number = isinstance(rate, int | float) and not isinstance(rate, bool)
        if not number or not 0 < rate < math.inf:
            raise InputError(
                f"layer_rates must lie in (0, inf), got {rate!r} for {name} (freeze keeps a layer "
                "as it is)"
            )
        if name in freeze:
            raise InputError(f"{name} is frozen, and cannot have a rate in layer_rates")
