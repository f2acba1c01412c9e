"""A network with its weights, ready to use: pictures in, named probabilities out."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

import jax.numpy as jnp
import numpy as np

from alexnet_jax.checkpoints import params_sha256
from alexnet_jax.data import Pictures, Statistics, blocks, given_pictures
from alexnet_jax.display import in_words
from alexnet_jax.errors import InputError
from alexnet_jax.inference.preprocess import Preprocess, parameter_dtype
from alexnet_jax.inference.trained import Trained, load_trained, to_standard_error, top_classes
from alexnet_jax.network import Architecture, Params
from alexnet_jax.parallel import topology
from alexnet_jax.runs import Description, Line, MetricsFile, TrainConfig, model_card, read_settings
from alexnet_jax.runtime import gather_to_host


class Prediction(NamedTuple):
    """Class that a network gives a picture: its name, and its probability from 0 to 1."""

    name: str
    probability: float


if TYPE_CHECKING:
    from alexnet_jax.network import AlexNet

    class Unpacked(tuple[AlexNet, dict[str, Params], Preprocess]):
        """Tuple, to type checkers alone: they tell the types of no other iterable's values apart.

        At run time a `Model` can be unpacked, but has no length and no index.
        """

        def __new__(cls, *values: object, **fields: object) -> Self: ...

else:
    Unpacked = object


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Model(Unpacked):
    """A network with its weights, and all that using it takes.

        model = alexnet_jax.load("runs/digits")
        for name, probability in model("seven.png")[0]: ...
        logits = model.net.apply(model.variables, model.preprocess(["seven.png"]))
        net, variables, preprocess = model

    It can be pickled and copied.

    Attributes:
      architecture: the network's table of layers.
      params: canonical tree of its parameters, {"conv1": {"kernel", "bias"}, ...}.
      config: preset and preprocessing as the settings of a run; only of a network that was trained
        here the other settings are those of its training.
      statistics: mean image of stored pixels, [S, S, C], and the colours' components.
      class_ids: the classes in the order of the logits, as the data set names them: of ImageNet's
        classes the synsets, "n01440764".
      origin: description of how the weights were made, where they are not the result of a training
        from initial values.
      step: number of updates made.
      measured: lines of `metrics.jsonl` about the test split.
      data_sha256: fingerprint of the data set that the network was trained on, or "".
    """

    architecture: Architecture
    params: Params
    config: TrainConfig
    statistics: Statistics
    class_ids: tuple[str, ...]
    origin: Mapping[str, object] | None = None
    step: int = 0
    measured: tuple[Line, ...] = ()
    data_sha256: str = ""

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes in the order of the logits; of ImageNet's classes in words."""
        return in_words(self.class_ids)

    @property
    def net(self) -> AlexNet:
        """The network as a flax.linen module."""
        from alexnet_jax.network import AlexNet

        return AlexNet(self.architecture, param_dtype=jnp.dtype(parameter_dtype(self.config)))

    @property
    def variables(self) -> dict[str, Params]:
        """Variables for `net.apply`, {"params": params}."""
        return {"params": self.params}

    @property
    def preprocess(self) -> Preprocess:
        """Function from pictures to the network's input, [B, H, W, C]."""
        return Preprocess.of(self.architecture, self.config, self.statistics)

    @property
    def stored_size(self) -> int:
        """Side of the stored images that the preprocessing crops."""
        return int(self.statistics.mean.shape[0])

    @property
    def card(self) -> str:
        """Model card, as Markdown: layers, origin, recipe, accuracy, preprocessing, hashes."""
        description = self.description()
        hashes, origin = {"parameters": params_sha256(self.params)}, description.origin or {}
        if self.data_sha256:
            hashes["data"] = self.data_sha256
        elif "file" in origin:
            hashes[str(origin["file"])] = str(origin["sha256"])
        mean = gather_to_host(self.statistics.mean)
        return model_card(
            description, step=self.step, mean=mean, measured=self.measured, hashes=hashes
        )

    def description(self) -> Description:
        """Return the description that a checkpoint of this network carries."""
        return Description(
            architecture=self.architecture,
            config=self.config,
            class_names=self.class_ids,
            stored_size=self.stored_size,
            origin=self.origin,
        )

    def __call__(self, pictures: Pictures, top: int = 5) -> list[list[Prediction]]:
        """Return for each picture the `top` likeliest classes, the likeliest first.

            [[Prediction("tabby", 0.61), Prediction("tiger cat", 0.3), ...]]

        The result has a list for each picture, also for a single one.

        Args:
          pictures: as `preprocess` takes them.
          top: number of classes, at least 1; all, if there are fewer.

        Raises:
          InputError: as `preprocess`; `top` is no whole number above 0.
        """
        if not isinstance(top, int) or isinstance(top, bool) or top < 1:
            raise InputError(f"top must be a whole number of at least 1, got {top!r}")
        names = self.class_names
        return [
            [Prediction(names[index], float(row[index])) for index in top_classes(row, top)]
            for row in self.probabilities(pictures)
        ]

    def probabilities(
        self, pictures: Pictures
    ) -> np.ndarray[tuple[int, int], np.dtype[np.floating]]:
        """Return the probabilities of all classes, [B, classes], computed as `predict` does.

        About 32 pictures are read and computed at a time, in the dtype of the network's training.

        Args:
          pictures: as `preprocess` takes them.

        Raises:
          InputError: as `preprocess`.
        """
        given, trained = given_pictures(pictures, self.architecture.channels), self._trained
        read = self.preprocess.stored_one
        stream = blocks(
            lambda numbers: [read(given[number]) for number in numbers],
            len(given),
            trained.stored_shape,
            trained.batch(len(given)),
        )
        return np.concatenate([rows for _, rows in trained.classified(stream)])[: len(given)]

    def on(self, topology_name: str = "one_device") -> Trained:
        """Return the network with its arrays on the devices of a topology, as the commands use it.

        Raises:
          InputError: as `parallel.topology`.
        """
        devices = topology(topology_name, self.architecture)
        return Trained(
            **vars(self.description()),
            step=self.step,
            params=devices.place(self.params),
            statistics=devices.place(self.statistics),
            topology=devices,
        )

    @functools.cached_property
    def _trained(self) -> Trained:
        return self.on()

    def __iter__(self) -> Iterator[AlexNet | dict[str, Params] | Preprocess]:
        """Yield net, variables and preprocess."""
        yield from (self.net, self.variables, self.preprocess)

    def __getstate__(self) -> dict[str, object]:
        """Return the fields alone: compiled programs and copies on devices are made again."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}

    def __repr__(self) -> str:
        net = self.architecture
        return f"{type(self).__name__}({net.name}, {net.classes} classes, step {self.step:,})"


def load_checkpoint(
    workdir: str | Path,
    checkpoint: str = "latest",
    *,
    warn: Callable[[str], None] = to_standard_error,
) -> Model:
    """Load the network of a training from its workdir.

        model = load_checkpoint("runs/digits")
        net, variables, preprocess = model

    Args:
      workdir, checkpoint, warn: as `load_trained` takes them; a damaged config.json or
        metrics.jsonl, which only the card needs, is a warning, too.

    Raises:
      InputError: as in `load_trained`.
    """
    trained = load_trained(workdir, checkpoint=checkpoint, warn=warn)
    measured: list[Line] = []
    data_sha256 = ""
    try:
        measured = MetricsFile(Path(workdir) / "metrics.jsonl").read()
        if (Path(workdir) / "config.json").is_file():
            data_sha256 = read_settings(Path(workdir))[1]
    except InputError as error:
        warn(f"{error}; the model card lacks what it says")
    return Model(
        architecture=trained.architecture,
        params=trained.params,
        config=trained.config,
        statistics=trained.statistics,
        class_ids=trained.class_names,
        origin=trained.origin,
        step=trained.step,
        measured=tuple(line for line in measured if line.get("split") == "test"),
        data_sha256="" if data_sha256 == "imported" else data_sha256,
    )
