"""Inference and a training step of the same arithmetic in PyTorch, warmed up for timing."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from alexnet_jax.bench.peak import StepsPeak
from alexnet_jax.bench.torch_net import TorchNet
from alexnet_jax.bench.work import About, Work, product_size
from alexnet_jax.errors import InputError
from alexnet_jax.runtime import cores, cpu_name, release_free_memory


class Torch:
    """Step of the peer and its arguments.

    Settings that make it fast are on: cuDNN's choice among its algorithms, TF32 for float32 on a
    GPU, as in XLA, and the fused update. In bfloat16 it trains under autocast with float32 weights
    and infers with weights that are cast once.

    Raises:
      InputError: a platform other than CPU and GPU; no GPU that torch can use.
    """

    def __init__(self, work: Work) -> None:
        if work.platform not in ("cpu", "gpu"):
            raise InputError("torch is compared on CPUs and GPUs, but jax computes on a TPU")
        self._gpu = work.platform == "gpu"
        if self._gpu and not torch.cuda.is_available():
            raise InputError(f"torch {torch.__version__} finds no GPU, but jax computes on one")
        torch.manual_seed(0)
        torch.set_num_threads(cores())
        torch.backends.cudnn.benchmark = True
        torch.set_float32_matmul_precision("high")
        self._device = torch.device("cuda" if self._gpu else "cpu")
        make = _training if work.mode == "train" else _inference
        self._step = make(work, self._device)
        first = self._call(1)  # compiles and chooses algorithms
        for _ in range(2):
            warm = self._call(1)
        self._dtype = getattr(torch, work.dtype)
        self.products_per_second()
        release_free_memory()
        self._peak = StepsPeak()
        if self._gpu:
            torch.cuda.reset_peak_memory_stats()
        self.about = About(
            device=torch.cuda.get_device_name() if self._gpu else cpu_name(),
            platform=work.platform,
            devices=1,
            library=f"torch {torch.__version__}",
            compile_seconds=max(0.0, first - warm) if work.variant.compiled else 0.0,
            program_bytes=None,
            step_seconds=warm,
        )

    def seconds(self, steps: int) -> float:
        """Return the mean time (s) of a step, over so many steps."""
        with self._peak.watched():
            return self._call(steps) / steps

    def _call(self, steps: int) -> float:
        self._wait()
        began = time.perf_counter()
        for _ in range(steps):
            self._step()
        self._wait()
        return time.perf_counter() - began

    def _wait(self) -> None:
        if self._gpu:
            torch.cuda.synchronize()

    def products_per_second(self) -> float:
        size = product_size("gpu" if self._gpu else "cpu")
        a = torch.ones((size, size), dtype=self._dtype, device=self._device)
        best = float("inf")
        for _ in range(4):
            self._wait()
            began = time.perf_counter()
            a @ a
            self._wait()
            best = min(best, time.perf_counter() - began)
        return 2 * size**3 / best

    def peak_bytes(self) -> int | None:
        return torch.cuda.max_memory_allocated() if self._gpu else self._peak.bytes


def _network(work: Work, device: torch.device, dtype: torch.dtype) -> Any:
    net = TorchNet(work.architecture, work.variant.lrn).to(device, dtype)
    if work.variant.layout == "channels_last":
        net = net.to(memory_format=torch.channels_last)
    return net


def _images(work: Work, device: torch.device, dtype: torch.dtype) -> torch.Tensor:
    height, width, channels = work.architecture.input_shape
    images = 50 * torch.randn((work.batch, channels, height, width), device=device)
    if work.variant.layout == "channels_last":
        images = images.contiguous(memory_format=torch.channels_last)
    return images.to(dtype)


def _compiled(work: Work, function: Any) -> Any:
    if not work.variant.compiled:
        return function
    return torch.compile(function, mode=work.variant.compiled)


def _inference(work: Work, device: torch.device) -> Callable[[], Any]:
    dtype = getattr(torch, work.dtype)
    net = _compiled(work, _network(work, device, dtype).eval())
    images = _images(work, device, dtype)

    def infer() -> torch.Tensor:
        with torch.inference_mode():
            return net(images)

    return infer


def _training(work: Work, device: torch.device) -> Callable[[], Any]:
    """Build a training step: dropout, cross-entropy, gradients, SGD with momentum and decay.

    It draws no views: the images already have the form that the network takes.
    """
    plain = _network(work, device, torch.float32).train()
    net = _compiled(work, plain)
    images = _images(work, device, torch.float32)
    classes = work.architecture.require_classes("a training step")
    labels = torch.randint(0, classes, (work.batch,), device=device)
    loss_of = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(
        plain.parameters(), lr=1e-3, momentum=0.9, weight_decay=5e-4, fused=True
    )
    mixed: Any = contextlib.nullcontext()
    if work.dtype == "bfloat16":
        mixed = torch.autocast(device.type, torch.bfloat16)

    def train() -> None:
        optimizer.zero_grad(set_to_none=True)
        with mixed:
            loss = loss_of(net(images), labels)
        loss.backward()
        optimizer.step()

    return train
