"""Training of a network: the step, the loop around it, its console output and figures."""

from alexnet_jax.training.console import Console, Silence, make_console
from alexnet_jax.training.figures import conv1_kernels, learning_curve
from alexnet_jax.training.job import Job
from alexnet_jax.training.loop import fit
from alexnet_jax.training.memory import keep_memory_of_small_runs, keep_memory_of_small_steps
from alexnet_jax.training.optim import paper_sgd
from alexnet_jax.training.recorders import Recorder
from alexnet_jax.training.state import TrainState, abstract_state, init_state, optimizer
from alexnet_jax.training.step import make_gradients, make_train_step
from alexnet_jax.training.throughput import Clock

__all__ = [
    "Clock",
    "Console",
    "Job",
    "Recorder",
    "Silence",
    "TrainState",
    "abstract_state",
    "conv1_kernels",
    "fit",
    "init_state",
    "keep_memory_of_small_runs",
    "keep_memory_of_small_steps",
    "learning_curve",
    "make_console",
    "make_gradients",
    "make_train_step",
    "optimizer",
    "paper_sgd",
]
