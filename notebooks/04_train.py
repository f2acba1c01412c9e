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
# # Training, and filters that emerge
#
# The whole of a training in a minute: handwritten digits, the paper's network in narrow, its
# update rule, crops and dropout.

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
import dataclasses
import json
import tempfile
from pathlib import Path

import numpy as np
from IPython.display import display

import alexnet_jax
from alexnet_jax.analysis import kernel_change_picture
from alexnet_jax.inference import load_trained
from alexnet_jax.runs import TrainConfig
from alexnet_jax.training import conv1_kernels, fit, learning_curve, make_console

workdir = Path(tempfile.mkdtemp()) / "digits"
config = TrainConfig(
    name="digits",
    data="digits",
    preset="small",
    steps=150,  # 700 read 99 % of the test digits
    batch=64,
    learning_rate=0.02,
    schedule="constant",
    mirror=False,  # a mirrored 3 is no digit
    colour_noise=0.0,
    pixel_scale=1 / 128,
    log_every=10,
    evaluate_every=50,
    checkpoint_every=50,
    keep_checkpoints=3,
)
fit(config, workdir, make_console())

# %% [markdown]
# The run is a directory: settings, measurements, checkpoints. Stop it at any time, and the same
# call goes on where it stopped, to the bit.

# %%
lines = [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]
display(learning_curve(lines, "digits"))

# %% [markdown]
# The first layer's kernels at the end, a panel for each tower; and what the updates have added to
# them after 50 and at the end, strokes of digits, which beside initial values several times as
# large are hard to see.

# %%
trained = load_trained(workdir)
kernel = np.asarray(trained.params["conv1"]["kernel"])
display(conv1_kernels(kernel, 2, f"conv1 after {trained.step} updates"))
for step in ("50", "latest"):
    display(kernel_change_picture(load_trained(workdir, checkpoint=step)))

# %% [markdown]
# The update is the paper's: the learning rate inside the velocity, weight decay on everything.
#
#     v <- .9 v - .0005 eps w - eps g,    w <- w + v
#
# Going on for another 50 updates with a tenth of the rate needs another run, since the rate is
# part of what a run is; asking for more updates of the same does not:

# %%
fit(dataclasses.replace(config, steps=170), workdir, make_console())
net, variables, preprocess = alexnet_jax.load_checkpoint(workdir)
blank = np.zeros((1, 32, 32, 1), np.uint8)
print("logits of a blank page:", np.asarray(net.apply(variables, preprocess(blank))).round(1))
