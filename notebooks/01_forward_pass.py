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
# # A photograph through the network
#
# AlexNet is a table of layers and one function that runs them. Here the table is printed, a
# photograph goes through it, and every number on the way is looked at.

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
import jax.numpy as jnp
import numpy as np
from IPython.display import display
from skimage import data, transform

import alexnet_jax
from alexnet_jax.display import blank_figure
from alexnet_jax.network import receptive_fields

network = alexnet_jax.architecture("paper")
print(alexnet_jax.summary(network))

# %% [markdown]
# Five convolutions hold 4 % of the parameters and do nine tenths of the multiplications; three
# dense layers hold the rest. That is why the paper could speak of 60 million parameters and still
# train on two cards of 3 GB.
#
# The paper's crop is 227 pixels in the reference text, 224 in the paper: in 2012 the last windows
# hung over the edge and read zeros there, which is the same as a 227 image with three rows and
# columns of zeros.

# %%
cat = transform.resize(data.cat(), (227, 227), preserve_range=True)
images = jnp.asarray(cat[None] - cat.mean(), jnp.float32)

net = alexnet_jax.AlexNet(network)
variables = jax.jit(net.init)(jax.random.key(0), images)
maps = alexnet_jax.activations(network, variables["params"], images)
for name, values in maps.items():
    print(f"{name:10} {values.shape!s:20} mean {values.mean():9.3g}")

# %% [markdown]
# No weight has been trained yet. The printed initial values (a standard deviation of .01, biases
# of 1 in half of the layers) leave the signal of the image very small beside the biases: look at
# how little of the last layers' outputs depends on what is seen.

# %%
from alexnet_jax.inference import image_dependent_share

others = [data.coffee(), data.rocket(), data.cat()]
several = np.stack([transform.resize(x, (227, 227), preserve_range=True) for x in others])
several = jnp.asarray(several - several.mean(), jnp.float32)
outputs = alexnet_jax.activations(network, variables["params"], several)
for name in ("conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "logits"):
    flat = np.asarray(outputs[name], np.float64).reshape(len(several), -1)
    print(f"{name:8} {image_dependent_share(flat):8.1e} of the energy depends on the image")

# %% [markdown]
# What the first 32 maps of conv1 make of the cat, before anything was learned:

# %%
figure = blank_figure(10, 5.2)
axes = figure.subplots(4, 8)
for axis, one in zip(
    axes.ravel(), np.moveaxis(np.asarray(maps["conv1"][0]), -1, 0)[:32], strict=True
):
    axis.imshow(one, cmap="magma")
    axis.set_axis_off()
display(figure)

# %% [markdown]
# And how much of the image a unit of each layer can see:

# %%
for name, field in receptive_fields(network).items():
    print(f"{name:6} {field.size:3} pixels wide, one every {field.stride:2}")
