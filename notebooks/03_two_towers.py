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
# # One network on two devices
#
# In 2012 the network did not fit one card. Half of every layer's maps went to each of two, which
# read each other only where the third convolution and the dense layers begin. Here two virtual
# devices of the CPU stand for the cards; two accelerators run the same lines.

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
import jax

jax.config.update("jax_num_cpu_devices", 2)

import numpy as np
from IPython.display import display

import alexnet_jax
from alexnet_jax.inference import make_activations
from alexnet_jax.parallel import topology
from alexnet_jax.planning import (
    column_names,
    crossings,
    format_communication,
    layer_parts,
    network_picture,
)
from alexnet_jax.runs import TrainConfig

network = alexnet_jax.architecture("small")
one, two = (topology(name, network) for name in ("one_device", "two_towers"))

# %% [markdown]
# `forward` does not know how many devices there are. A topology tells where each layer's maps
# live and what has to cross.

# %%
params = jax.jit(lambda key: alexnet_jax.init(network, key))(jax.random.key(0))
images = jax.random.normal(jax.random.key(1), (4, 28, 28, 1))

whole = make_activations(network, one)(one.place(params), images)
split = make_activations(network, two)(two.place(params), two.place(images))
for name in (layer.name for layer in network.layers if layer.name in whole):
    apart = np.abs(np.asarray(whole[name]) - np.asarray(split[name])).max()
    print(f"{name:9} largest difference {apart:.1e}   {split[name].sharding.spec}")

# %% [markdown]
# Where a kernel lives: each tower holds its own half of the last axis, the maps.

# %%
kernel = two.place(params)["conv2"]["kernel"]
jax.debug.visualize_array_sharding(kernel.reshape(-1, kernel.shape[-1]))

# %% [markdown]
# What crosses in one training step, read from the program that the compiler made, and not from
# what we think it does:

# %%
config = TrainConfig(
    name="look", data="none", steps=1, preset="small", batch=32, topology="two_towers"
)
found = crossings(network, config, two)
print(format_communication(found, network, config))

# %%
figure = network_picture(
    network, layer_parts(two, network), found, config.batch, column_names(two), "two towers"
)
display(figure)

# %% [markdown]
# The arrows are few: the normalizations trade two maps at the border between the towers (the
# paper normalizes across all maps; the source of 2012 did not, which saves that), conv3 reads
# everything, and so do the dense layers.
