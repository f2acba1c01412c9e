# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # From one CPU to a pod
#
# What a training step computes and sends follows from the table of layers; how long that takes,
# from a device's rates. This is a plan on paper: no device but this one is measured here.

# %% [markdown]
# Where `alexnet_jax` is not installed yet, as on Colab, this installs it from a copy of its
# repository: the one that this notebook lies in, a clone beside the notebook, or a zip file of it
# uploaded there (Colab: the folder symbol on the left). With a GPU, add the extra `cuda`.

# %%
import importlib.util
from pathlib import Path
from zipfile import ZipFile

spec = importlib.util.find_spec("alexnet_jax")
if spec is None or spec.origin is None:  # a folder of that name is no package yet
    for archive in Path().glob("*.zip"):
        ZipFile(archive).extractall()
    places = [*Path().glob("*/alexnet_jax"), Path("alexnet_jax"), Path("../alexnet_jax")]
    copies = [p.parent for p in places if (p.parent / "pyproject.toml").is_file() and p.is_dir()]
    if not copies:
        raise FileNotFoundError(
            "no copy of alexnet_jax here: upload a zip file of its repository beside this "
            "notebook, or clone it there, and run this cell again"
        )
    checkout = copies[0].resolve()
    print("installing", checkout)
    # %pip install --quiet "{checkout}[train,data,plots]"

# %%
# %matplotlib inline
from IPython.display import display

import alexnet_jax
from alexnet_jax.planning import Machine, efficiency_picture, format_scaling, predict_scaling

network = alexnet_jax.architecture("paper")
machine = Machine(flops=1e14, memory=2e12, bandwidth=50e9, latency=5e-6)

# %% [markdown]
# Spreading the images (`data`) sends every gradient in each step: 244 MB of float32, whatever the
# batch, 96 % of it for the dense layers.

# %%
counts = [2**power for power in range(11)]
rows, _ = predict_scaling("weak", "data", network, counts, 128, machine)
print(format_scaling(rows))

# %% [markdown]
# The "one weird trick" of 2014 spreads images over the devices for the convolutions and units for
# the dense layers (`hybrid`): their gradients never travel, their inputs do.

# %%
hybrid, stopped = predict_scaling("weak", "hybrid", network, counts, 128, machine)
print(format_scaling(hybrid), stopped, sep="\n")

# %%
pairs, _ = predict_scaling("weak", "data_towers", network, counts, 128, machine)
titles = {"weak": "128 images on each device"}
display(efficiency_picture([*rows, *hybrid, *pairs], titles, "weak scaling, on paper"))

# %% [markdown]
# With a fixed batch over all devices it is the exchange that remains:

# %%
strong = [
    row
    for name in ("data", "hybrid")
    for row in predict_scaling("strong", name, network, counts, 4096, machine)[0]
]
display(
    efficiency_picture(
        strong, {"strong": "4,096 images over all devices"}, "strong scaling, on paper"
    )
)

# %% [markdown]
# On real devices the same training is started once a process:
#
#     python experiments/train.py imagenet_paper --topology data --coordinator auto
#
# on Slurm, Open MPI, Kubernetes or a TPU pod, and `--coordinator HOST:PORT --process-id K
# --num-processes P` elsewhere.
