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
# # What a trained network sees
#
# Which part of a picture matters for its class, what a map answers to, which pictures look alike
# to the last layers. The network is trained here in half a minute, to tell from which of sixteen
# photographs a small crop was cut; set `WORKDIR` to a run of your own, or to imported weights.

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
import tempfile
from pathlib import Path

import numpy as np
from IPython.display import display

from alexnet_jax import data
from alexnet_jax.analysis import patches_picture, report
from alexnet_jax.inference import load_trained, make_activations
from alexnet_jax.runs import TrainConfig
from alexnet_jax.training import fit, make_console

WORKDIR = None

# %%
if WORKDIR is None:
    WORKDIR = Path(tempfile.mkdtemp()) / "thumbnails"
    config = TrainConfig(
        name="thumbnails",
        data="thumbnails",
        preset="small",
        image_size=32,
        steps=160,
        batch=64,
        schedule="constant",
        learning_rate=0.01,
        pixel_scale=1 / 64,
        log_every=40,
        evaluate_every=160,
        checkpoint_every=160,
    )
    fit(config, WORKDIR, make_console())
trained = load_trained(WORKDIR)
dataset = data.load(trained.config.data, trained.config.data_dir)
rows = np.linspace(0, len(dataset.test) - 1, 8).astype(int)
images, labels = dataset.test.images[rows], dataset.test.labels[rows]

# %% [markdown]
# The five likeliest classes (the paper's figure 4, left):

# %%
display(report.picture_functions(trained, dataset.test, images, labels, "conv5")["top_five"]())

# %% [markdown]
# Covering a part of the picture with grey and asking again: where the probability falls, the
# network was looking. Beside it, the gradient that only positive evidence passes.

# %%
drawings = report.picture_functions(trained, dataset.test, images[:4], labels[:4], "conv5")
display(drawings["attribution"]())

# %% [markdown]
# The parts of test images to which some maps of the last convolution answer most:

# %%
display(report.strongest_parts(trained, dataset.test, "conv5"))

# %% [markdown]
# Neighbours: the test images whose fc7 features lie nearest to a picture's own (the paper's
# figure 4, right). The first column is the picture itself.

# %%
features = make_activations(trained.architecture, trained.topology)
views = report.seen(trained, dataset.test.images[:])
fc7 = np.asarray(features(trained.params, views)["fc7"])
distances = np.linalg.norm(fc7[rows, None] - fc7[None], axis=-1)
nearest = distances.argsort(1, kind="stable")[:, :7]
names = [dataset.class_names[label] for label in labels]
rows_of_pictures = [list(dataset.test.images[near]) for near in nearest]
display(patches_picture(rows_of_pictures, names, "nearest in fc7"))

# %% [markdown]
# And what each tower reads of the other:

# %%
display(report.towers(trained, images))
