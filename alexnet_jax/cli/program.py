"""The installed command, `alexnet-jax COMMAND ...`; the scripts in experiments/ run the same.

Only the command that is asked for is imported, so that the list of all is there at once.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import sys
from collections.abc import Sequence
from types import ModuleType

from alexnet_jax.cli.ending import end_at_interrupt
from alexnet_jax.cli.streams import standard_streams
from alexnet_jax.cli.values import fail, mistakes_in_a_line
from alexnet_jax.errors import choices
from alexnet_jax.version import __version__

PROGRAM = "alexnet-jax"

# Groups of commands, each with what it does. A command's module in alexnet_jax.cli.commands has its
# name, with one exception.
COMMANDS = {
    "Train and use": {
        "configs": "list the configs that train takes, or print one to start your own from",
        "train": "train a network by a config, or resume a training that was stopped",
        "evaluate": "measure top-1, top-5 and loss on the test split, also of an ensemble",
        "predict": "classify pictures",
        "import": "convert weights of other projects to a workdir",
        "export": "write a network as a file for other programs",
    },
    "Data": {
        "prepare": "prepare ImageNet, CIFAR, folders of pictures, TFDS sets or idx files",
        "baseline": "measure what a network should beat: nearest neighbours, logistic regression",
    },
    "Look inside": {
        "summary": "print a network's layers: shapes, parameters, operations",
        "look": "draw what a trained network has learnt",
        "report": "write one HTML page about a training, or several side by side",
        "serve": "serve a page on this machine: a picture through the layers, parts switched off",
        "features": "extract a layer's features, find neighbours, fit a linear probe",
    },
    "Measure and plan": {
        "doctor": "describe and test this installation, for a bug report",
        "accelerator": "check and measure this machine's GPUs or TPUs in ten minutes",
        "benchmark": "measure the speed of inference and training, beside PyTorch",
        "communication": "count the values sent between devices in one training step",
        "compile": "compile a step for a TPU or GPU that is not there: memory, time, faults",
        "scaling": "estimate training on up to thousands of devices",
        "claims": "test the paper's claims: train variants, compare, print one table",
        "reproduce": "reproduce the paper's table 2 from ImageNet's archives",
        "cifar10": "repeat the trainings of 2011 on CIFAR-10, and the paper's figure 1",
        "tiny_imagenet": "train a small network on Tiny ImageNet, and without some of its parts",
    },
    "Shell": {
        "completion": "print a script with which the shell completes commands and options",
    },
}
NAMES = [name for group in COMMANDS.values() for name in group]
# Their files are what they are run for; they go on when nobody reads their output.
_MAKE_FILES = (
    "accelerator",
    "train",
    "import",
    "export",
    "prepare",
    "look",
    "report",
    "features",
    "claims",
    "reproduce",
    "cifar10",
    "tiny_imagenet",
)
_MODULES = {"import": "import_weights"}  # `import` cannot be imported


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the installed command.

    Args:
      arguments: words of the command line; by default those of the process.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words and words[0] in NAMES:
        return run_command(words[0], words[1:], f"{PROGRAM} {words[0]}")
    with standard_streams(optional=False):
        return _without_command(words)


def _without_command(words: Sequence[str]) -> None:
    if not words or words[0] in ("-h", "--help"):
        print(_overview())
    elif words[0] == "--version":
        print(f"{PROGRAM} {__version__}")
    else:
        fail(f"unknown command {words[0]!r}; {choices(words[0], NAMES)}")


def run_command(
    name: str, arguments: Sequence[str], program: str | None = None, **fixed: str
) -> None:
    """Import a command and run it.

    Args:
      name: name of the command.
      arguments: the words that follow it.
      program: name in the command's help; by default that of the script.
      fixed: what a script for a part of a command decides.
    """
    # Python collects garbage as it ends: 0.2 s for the objects of jax, unless they are left out.
    atexit.register(gc.freeze)
    with standard_streams(optional=name in _MAKE_FILES):
        with end_at_interrupt(), mistakes_in_a_line():
            module = command_module(name)
        module.command(arguments, program, **fixed)


def command_module(name: str) -> ModuleType:
    """Import a command's module."""
    return importlib.import_module(f"alexnet_jax.cli.commands.{_MODULES.get(name, name)}")


def _overview() -> str:
    """Return the help: every command in a line."""
    width = max(map(len, NAMES))
    groups = [
        f"{title}:\n" + "\n".join(f"  {name:{width}}  {does}" for name, does in group.items())
        for title, group in COMMANDS.items()
    ]
    return "\n\n".join(
        [
            f"usage: {PROGRAM} COMMAND [options]\n\nAlexNet, the network of 2012, in JAX and Flax.",
            *groups,
            f"{PROGRAM} COMMAND --help has a command's options, {PROGRAM} --version the version.",
        ]
    )
