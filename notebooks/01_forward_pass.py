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
# # 1. What happens to one photograph
#
# A photograph of 227 by 227 pixels is 154,587 numbers. AlexNet turns them into a thousand: one
# score for each class of ImageNet. **What happens in between, how large is it at every step, and
# where do the sixty million parameters sit?**
#
# This lecture follows one photograph through the network. First we read the table of layers and
# compute one value of the first layer by hand. Then we run the whole network and look at every
# shape. At the end a small trained network shows its maps for one picture.
#
# *To run this notebook:* install the package once, from the root of its repository, with
# `pip install '.[notebooks]'`.

# %%
# %matplotlib inline
import tempfile
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from IPython.display import display
from matplotlib.patches import Rectangle
from skimage import data as photographs
from skimage import transform

import alexnet_jax
from alexnet_jax import TrainConfig, data
from alexnet_jax.display import blank_figure
from alexnet_jax.inference import image_dependent_share
from alexnet_jax.network import receptive_fields, rows
from alexnet_jax.training import Silence, fit

# %% [markdown]
# ## The photograph as an array
#
# A picture is an array $I$ of shape `[H, W, C]`: height, width and three channels (red, green,
# blue), with values from 0 to 255. The network subtracts the mean over the training set and does
# nothing else, so its inputs lie roughly between -128 and 128. Subtracting the mean matters: all
# inputs of a unit would otherwise be positive, and all its weights would receive gradients of the
# same sign.
#
# We take three photographs, so that we can later ask what depends on the picture. Networks
# compute on batches, arrays `[B, H, W, C]`; here $B = 3$.

# %%
names = ("cat", "coffee", "rocket")
size = (227, 227)
stored = np.stack(
    [transform.resize(getattr(photographs, n)(), size, preserve_range=True) for n in names]
)
images = jnp.asarray(stored - stored.mean((0, 1, 2)), jnp.float32)
print("images:", images.shape, images.dtype, "from", images.min(), "to", images.max())

figure = blank_figure(5.2, 1.9)
for axis, picture, name in zip(figure.subplots(1, 3), stored, names, strict=True):
    axis.imshow(picture.astype(np.uint8))
    axis.set_title(name, fontsize=10)
    axis.set_axis_off()
display(figure)

# %% [markdown]
# The paper speaks of 224 pixels, and we use 227. Both describe the same computation: the program
# of 2012 let the last windows of the first layer hang over the edge of a 224-pixel image and read
# zeros there, which equals a 227-pixel image with three rows and columns of zeros. Notebook 6
# checks it.
#
# ## The network is a table
#
# Everything else follows from a table of layers, which the package keeps as data. Its columns are
# the sizes of input and output, the window that slides over the input (side, stride $S$, padding
# $P$), and the counts for one image.

# %%
network = alexnet_jax.architecture("paper")
print(alexnet_jax.summary(network))

# %% [markdown]
# Two formulas produce the whole table. A window of side $K$ that moves by $S$ over an input of
# side $W$, padded by $P$ zeros on either side, fits
#
# $$\left\lfloor \frac{W - K + 2P}{S} \right\rfloor + 1$$
#
# times. For conv1 that is $(227 - 11)/4 + 1 = 55$. A convolution that reads $C_\text{in}$ maps
# and computes $C_\text{out}$ maps has $(K \cdot K \cdot C_\text{in} + 1) \cdot C_\text{out}$
# parameters: a kernel and a bias for each output map, shared by all positions. For conv1 these
# are $(11 \cdot 11 \cdot 3 + 1) \cdot 96 = 34{,}944$.
#
# Look at conv2: its input has 96 maps, but its kernels read 48. The network of 2012 was cut into
# two *towers*, one for each GPU, and conv2, conv4 and conv5 read only the maps of their own tower
# ("2 groups"). Notebook 3 is about them.
#
# ## One value by hand
#
# What does conv1 compute? At position $(i, j)$, map $l$ is
#
# $$O_{ij}^l = \max\Bigl(0,\; b^l + \sum_{p=0}^{10} \sum_{q=0}^{10} \sum_{c=0}^{2}
# W_{pqc}^l \, I_{4i+p,\,4j+q,\,c}\Bigr).$$
#
# The sum is a scalar product of the kernel $W^l$ with a patch of the image: large where the patch
# looks like the kernel. The maximum with 0 is the rectified linear unit (ReLU). It costs nothing,
# and its derivative is 1 wherever the unit is active, so gradients do not fade on their way down,
# as they do through a tanh that is far from 0.
#
# We draw initial weights, run the network once and recompute one value from the formula.

# %%
params = jax.jit(partial(alexnet_jax.init, network))(jax.random.key(0))
maps = jax.jit(partial(alexnet_jax.activations, network))(params, images)

i, j = 20, 30
patch = np.asarray(images[0, 4 * i : 4 * i + 11, 4 * j : 4 * j + 11])
kernels, bias = np.asarray(params["conv1"]["kernel"]), np.asarray(params["conv1"]["bias"])
scores = np.sum(patch[..., None] * kernels, (0, 1, 2)) + bias  # of all 96 maps
strongest = scores.argmax()
print(f"map {strongest} by hand:     {max(0, scores[strongest]):.4f}")
print(f"map {strongest} by forward:  {maps['conv1'][0, i, j, strongest]:.4f}")
print(f"{np.mean(scores < 0):.0%} of the 96 maps are negative here and become 0")

# %% [markdown]
# ## All the way
#
# Now every layer of the same pass. For each we print the shape, the mean, the largest value, and
# the share of values that are exactly 0.

# %%
print("layer      shape              mean     largest    zeros")
for name in network.outputs():
    x = np.asarray(maps[name])
    shape = " x ".join(map(str, x.shape[1:]))
    print(f"{name:10} {shape:14} {x.mean():9.4f} {x.max():10.4f} {np.mean(x == 0):8.1%}")

# %% [markdown]
# Read it from top to bottom:
#
# - **conv1** skips: its stride of 4 turns 227 positions into 55, and half of its values are cut
#   off by the ReLU.
# - **lrn1** divides each value by the values of neighbouring maps at the same place. Shapes stay
#   (notebook 2).
# - **pool1** keeps the largest value of each 3x3 window, one every 2 positions. The windows
#   overlap, which the paper found to overfit slightly less. Height and width halve, and a small
#   shift of the picture changes little.
# - **conv2 to conv5** repeat it with more maps on fewer positions. Space shrinks from 55 to 6
#   while the number of maps grows from 96 to 384: the question moves from *where* to *what*.
# - **fc6, fc7** read all 9,216 values of pool5 at once. Their **dropout** is inactive here: in
#   training it sets half of the values to 0 at random; in testing it multiplies by 0.5 instead,
#   so that the next layer receives the same total on average.
# - The **logits** are the thousand scores $z_k$. The softmax
#   $p_k = e^{z_k} / \sum_{k'} e^{z_{k'}}$ makes them probabilities.

# %%
probabilities = np.asarray(alexnet_jax.ops.softmax(maps["logits"]))
print("sum of the probabilities:", probabilities.sum(1))
print("1000 x smallest and largest:", 1000 * probabilities.min(), 1000 * probabilities.max())

# %% [markdown]
# None is far from 1/1000: nobody has trained this network.
#
# One column of the table asks for an explanation. A ReLU of random values cuts off half of them,
# but in conv4 and conv5 nothing is 0. The paper starts the biases of conv2, conv4, conv5, fc6 and
# fc7 at 1, so that their ReLUs are active from the first step and receive gradients. In conv4 and
# conv5 the signal is smaller than that 1, so the ReLUs cut off nothing. How much of a layer's
# output depends on the picture at all? Over a batch of outputs $z_b$ with mean $\bar z$, that
# share is
#
# $$\frac{\sum_b |z_b - \bar z|^2}{\sum_b |z_b|^2}.$$

# %%
for name in ("conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "logits"):
    flat = np.asarray(maps[name], np.float64).reshape(len(images), -1)
    print(f"{name:8} {image_dependent_share(flat):.1e}")

# %% [markdown]
# With the printed initial values (standard deviation 0.01 everywhere) the picture is drowned by
# the biases on its way up. The network can still learn, but it starts almost blind. Notebook 6
# shows that the program of 2012 used larger values in conv3 to conv5 than the paper says.
#
# ## Where the parameters sit, and where the work is

# %%
weighted = [row for row in rows(network) if row.parameters]
counts = {
    "parameters": [row.parameters for row in weighted],
    "multiply-adds": [row.macs for row in weighted],
    "activations": [row.activations for row in weighted],
}
figure = blank_figure(9, 2.9, wspace=0.05)
for axis, (title, values) in zip(figure.subplots(1, 3, sharey=True), counts.items(), strict=True):
    shares = 100 * np.array(values) / sum(values)
    colours = ["#5b7083"] * 5 + ["#b5341b"] * 3
    axis.barh([row.name for row in weighted], shares, color=colours)
    axis.set(title=f"{title}: {sum(values):,}", xlabel="%", xlim=(0, 75))
    axis.title.set_fontsize(10)
    axis.spines[["top", "right"]].set_visible(False)
figure.get_axes()[0].invert_yaxis()
display(figure)

# %% [markdown]
# The dense layers (red) hold 96 % of the parameters and do 8 % of the multiplications; the
# convolutions (grey) are the other way round. The reason is sharing: each weight of conv2 is used
# at $27 \cdot 27 = 729$ positions, each weight of fc6 once. This imbalance decides how the
# network is spread over many devices (notebook 7): convolutions are cheap to copy and dear to
# compute, dense layers cheap to compute and dear to copy.
#
# ## What a unit can see
#
# A value of conv1 depends on 11x11 pixels. A value of a higher layer depends on a window of
# windows. With $r$ the side of this *receptive field* and $s$ the distance in pixels between
# neighbouring units, a layer with window $K$ and stride $S$ changes them by
#
# $$r \leftarrow r + (K - 1)\,s, \qquad s \leftarrow s\,S.$$
#
# The first formula uses the old $s$: the window's other $K - 1$ units lie $s$ pixels apart each.

# %%
fields = receptive_fields(network)
print("layer   side  distance")
for name, field in fields.items():
    print(f"{name:6} {field.size:5} {field.stride:9}")

shown = ("conv1", "conv2", "conv3", "conv4", "conv5")
shapes = network.outputs()
figure = blank_figure(2.8, 3.0)
axis = figure.subplots()
axis.imshow(stored[0].astype(np.uint8))
for name, colour in zip(
    shown, ("#ffffff", "#ffd166", "#f3722c", "#b5341b", "#1d6fa5"), strict=True
):
    first, end = fields[name].clipped(shapes[name][0] // 2, 227)
    square = (first - 0.5, first - 0.5), end - first, end - first
    axis.add_patch(Rectangle(*square, fill=False, color=colour, linewidth=2, label=name))
axis.legend(loc="lower left", fontsize=7)
axis.set_axis_off()
axis.set_title("what the middle unit of each layer sees", fontsize=10)
display(figure)

# %% [markdown]
# A unit of conv5 sees a square of 163 pixels, half of the picture in area. Only the dense layers
# see all of it.
#
# ## A trained network at work
#
# Maps of random kernels say little. So we train the same layers in narrow, for pictures of 28
# pixels, on handwritten digits. It takes seconds; notebook 4 explains every line. If the
# directory holds the finished run already, `fit` finds nothing left to do.
#
# Any other trained network serves as well: only the line with `load` names it.

# %%
config = TrainConfig(
    name="digits",
    data="digits",
    preset="small",
    steps=240,
    batch=64,
    learning_rate=0.02,
    schedule="epochs",
    drop_epochs=(8.0,),
    mirror=False,
    colour_noise=0.0,
    pixel_scale=1 / 128,
    log_every=5,
    evaluate_every=40,
    checkpoint_every=120,
)
workdir = Path(tempfile.gettempdir()) / "alexnet_jax_notebooks" / "digits"
fit(config, workdir, Silence())

model = alexnet_jax.load(workdir)
dataset = data.load(model.config.data, model.config.data_dir)
row = 4
picture = dataset.test.images[row]
print(model, "sees a", dataset.class_names[dataset.test.labels[row]])
for name, probability in model(picture, top=3)[0]:
    print(f"  {name}: {probability:.1%}")

# %% [markdown]
# Its layers have the names that we know. Here are the first ten maps of each, all maps of a layer
# on one scale, dark for 0 and bright for the layer's largest value.

# %%
outputs = alexnet_jax.activations(model.architecture, model.params, model.preprocess(picture))
layers = [name for name, shape in model.architecture.outputs().items() if len(shape) == 3]
figure = blank_figure(8, 0.72 * len(layers) + 0.3)
panels = figure.subplots(len(layers), 11)
for axes, name in zip(panels, layers, strict=True):
    x = np.asarray(outputs[name][0])
    axes[0].imshow(picture.squeeze(), cmap="gray")
    axes[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9)
    for number, axis in enumerate(axes[1:]):
        axis.imshow(x[..., number], cmap="magma", vmin=0, vmax=x.max())
    for axis in axes:
        axis.set(xticks=[], yticks=[])
figure.suptitle("the picture, and ten maps of each layer", fontsize=10)
display(figure)

# %% [markdown]
# Each map of the first layer answers to other parts of the strokes, and the digit is still easy
# to make out. From conv3 on, few places of few maps answer, and one can no longer say what to by
# looking at the map. Notebook 5 has better tools for that.

# %%
figure = blank_figure(9, 2.2, wspace=0.05)
panels = figure.subplots(1, 3)
for axis, name in zip(panels, ("fc6", "fc7"), strict=False):
    axis.imshow(np.asarray(outputs[name][0]).reshape(8, -1), cmap="magma", vmin=0)
    axis.set(xticks=[], yticks=[])
    axis.set_title(f"{name}: {outputs[name].shape[1]} units", fontsize=10)
last = np.asarray(alexnet_jax.ops.softmax(outputs["logits"]))[0]
panels[2].bar(np.arange(len(last)), last, color="#b5341b")
panels[2].set_xticks(np.arange(len(last)), dataset.class_names, fontsize=8)
panels[2].set_title("softmax of the logits", fontsize=10)
panels[2].spines[["top", "right"]].set_visible(False)
display(figure)

# %% [markdown]
# That is the whole path: an image becomes maps of edges, maps of parts, a list of features
# without places, and one number for each class.
#
# ## Exercises
#
# **1.** Somebody finds a stride of 4 in conv1 wasteful and sets it to 2. By the formula for
# output sizes, how large do conv1 and pool5 become, and what happens to fc6?
#
# <details><summary>Solution</summary>
#
# conv1 becomes $(227 - 11)/2 + 1 = 109$ wide, pool1 54, pool2 26 and pool5 12. fc6 then reads
# $12 \cdot 12 \cdot 256$ values, four times as many, and its parameters grow as much.
#
# ```python
# finer = alexnet_jax.architecture("paper", layers={"conv1": {"stride": 2}})
# for line in rows(finer):
#     if line.name in ("conv1", "pool5", "fc6"):
#         print(line.name, line.output, f"{line.parameters:,}")
# ```
#
# ```text
# conv1 109 x 109 x 96 34,944
# pool5 12 x 12 x 256 0
# fc6 4096 150,999,040
# ```
#
# </details>
#
# **2.** How many parameters would the network have without the towers, with every convolution
# reading all maps? Compute it from the table first.
#
# <details><summary>Solution</summary>
#
# The kernels of conv2, conv4 and conv5 read twice as many maps: $25 \cdot 48 \cdot 256$,
# $9 \cdot 192 \cdot 384$ and $9 \cdot 192 \cdot 256$ weights are added. That is 1.4 million, 2 %
# of the network, but it adds half of its multiplications.
#
# ```python
# one = {name: {"groups": 1} for name in ("conv2", "conv4", "conv5")}
# joined = rows(alexnet_jax.architecture("paper", layers=one))
# print(f"{sum(line.parameters for line in joined):,} parameters")
# work = [sum(line.macs for line in table) for table in (joined, rows(network))]
# print(f"{work[0] / work[1]:.2f} x the work")
# ```
#
# ```text
# 62,378,344 parameters
# 1.57 x the work
# ```
#
# </details>
#
# **3.** Derive the receptive field of conv5 by the recursion on paper, starting from $r = s = 1$.
# Write the recursion as a loop over (window, stride) of the layers and check it.
#
# <details><summary>Solution</summary>
#
# ```python
# r, s = 1, 1
# for window, stride in [(11, 4), (3, 2), (5, 1), (3, 2), (3, 1), (3, 1), (3, 1)]:
#     r, s = r + (window - 1) * s, s * stride
# print(r, s, r == fields["conv5"].size, s == fields["conv5"].stride)
# ```
#
# ```text
# 163 16 True True
# ```
#
# </details>
#
# **4.** Is there a map of the trained network that never answers, whatever the picture? Look for
# maps of each layer that are 0 for 100 test pictures. What would such a map learn from now on?
#
# <details><summary>Solution</summary>
#
# Where a map is 0 at all places for all pictures, the derivative of its ReLU is 0 everywhere, and
# its kernel receives no gradient: it is dead. It shrinks by weight decay and does not return.
#
# ```python
# many = alexnet_jax.activations(
#     model.architecture, model.params, model.preprocess(dataset.test.images[:100])
# )
# for name in ("conv1", "conv2", "conv3", "conv4", "conv5"):
#     dead = np.all(np.asarray(many[name]) == 0, (0, 1, 2))
#     print(f"{name}: {dead.sum()} of {len(dead)} maps are dead")
# ```
#
# </details>
#
# **5.** Convolutions follow a shift of the picture, pooling forgets small shifts, dense layers do
# neither. Shift the picture by 0 to 4 pixels to the right and watch the probability of its class.
#
# <details><summary>Solution</summary>
#
# Training crops were drawn at random from 32 pixels, so that shifts of two pixels to each side
# were part of the training. Within them the network is sure; beyond, nothing promises that it is.
#
# ```python
# label = dataset.test.labels[row]
# for shift in range(5):
#     moved = np.roll(picture, shift, axis=1)
#     print(shift, f"{model.probabilities(moved)[0, label]:.1%}")
# ```
#
# </details>
