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
# # What the code of 2012 did that the paper does not say
#
# The source was released in 2025, with its logs. Net 145 is the published one: its logged errors
# are the paper's to the digit. It is the preset `source2012`.

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
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from IPython.display import display
from skimage import data, transform

import alexnet_jax
from alexnet_jax.data import Statistics, ten_views, training_views
from alexnet_jax.display import blank_figure
from alexnet_jax.inference import image_dependent_share

paper, source = (alexnet_jax.architecture(name) for name in ("paper", "source2012"))

# %% [markdown]
# Layer by layer, where the two differ:

# %%
of_paper = {layer.name: layer for layer in paper.layers}
for layer in source.layers:
    other = of_paper.get(layer.name)
    if other is None:
        print(f"{layer.name}: only in the source: {layer}")
        continue
    for field, value in vars(layer).items():
        if getattr(other, field) != value:
            print(f"{layer.name}.{field}: paper {getattr(other, field)!r}, source {value!r}")
print("biases: paper", paper.biases, "source", source.biases)

# %% [markdown]
# The standard deviation of .03 in conv3 to conv5 matters most. With the printed .01 a network
# begins all but blind to its input: the share of the logits' energy that depends on the image,
# over eight photographs:

# %%
pictures = [
    data.cat(),
    data.coffee(),
    data.rocket(),
    data.retina(),
    data.astronaut(),
    data.stereo_motorcycle()[0],
    data.hubble_deep_field(),
    data.immunohistochemistry(),
]
stored = np.stack([transform.resize(x, (256, 256), preserve_range=True) for x in pictures])
for network in (paper, source):
    params = jax.jit(partial(alexnet_jax.init, network))(jax.random.key(0))
    side = network.image_size
    views = jnp.asarray(stored[:, :side, :side] - stored.mean(0)[:side, :side], jnp.float32)
    logits = alexnet_jax.forward(network, params, views)
    print(f"{network.name}: {image_dependent_share(np.asarray(logits, np.float64)):.1e}")

# %% [markdown]
# Crops and mirrors were drawn once for 32 images in a row, colour noise for each image; the
# noise's strengths are standard deviations, though the paper writes eigenvalues; and what was
# added to an image was made up for by a division by 1.1. Six views of one photograph, the mean
# put back to look at them:

# %%
image = stored[:1].astype(np.uint8)
flat = image.reshape(-1, 3).astype(np.float64)
values, axes = np.linalg.eigh(np.cov(flat.T))
statistics = Statistics(
    *(
        jnp.asarray(x, jnp.float32)
        for x in (np.full((256, 256, 3), flat.mean()), axes, np.sqrt(values))
    )
)
keys = jax.random.split(jax.random.key(2), 6)
views = training_views(
    keys,
    jnp.repeat(jnp.asarray(image), 6, 0),
    statistics,
    size=224,
    mirror=True,
    colour_noise=0.3,
    scale=1.0,
    attenuate=True,
)
figure = blank_figure(11, 2.2)
for axis, view in zip(figure.subplots(1, 6), np.asarray(views), strict=True):
    axis.imshow(np.clip(view + flat.mean(), 0, 255).astype(np.uint8))
    axis.set_axis_off()
figure.suptitle("colour noise three times as strong as in 2012, to be seen")
display(figure)

# %% [markdown]
# Testing averaged the outputs for ten views, in this order:

# %%
views = ten_views(jnp.asarray(image), statistics, size=224, scale=1.0)
figure = blank_figure(11, 3.6)
for axis, view in zip(figure.subplots(2, 5).ravel(), np.asarray(views[:, 0]), strict=True):
    axis.imshow(np.clip(view + flat.mean(), 0, 255).astype(np.uint8))
    axis.set_axis_off()
display(figure)
