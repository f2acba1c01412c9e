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
# # 3. Two towers: one network on two graphics cards
#
# In figure 2 of the paper the network is cut in half from top to bottom. Each half, a *tower*,
# lay on a graphics card of its own, and the cards talked only at certain layers. **Why two cards,
# what must cross between them, and how many bytes is that in a training step?**
#
# We count by hand first. Then we compile a training step for two devices, look for the places
# where the program communicates, and compare. At the end a trained network shows what its two
# towers have become.
#
# *To run this notebook:* install the package once, from the root of its repository, with
# `pip install '.[notebooks]'`. It needs no graphics card: two virtual devices of the CPU take
# their place, and two real ones run the same lines.

# %%
# %matplotlib inline
import math
from functools import partial

import jax

jax.config.update("jax_num_cpu_devices", 2)

import numpy as np
from IPython.display import display
from scipy.linalg import block_diag
from skimage import data as photographs

import alexnet_jax
from alexnet_jax import TrainConfig, ops
from alexnet_jax.analysis import colour_index, report, tower_contrast
from alexnet_jax.display import blank_figure, style
from alexnet_jax.inference import make_activations
from alexnet_jax.network import reads_all_maps, rows
from alexnet_jax.parallel import topology
from alexnet_jax.planning import (
    column_names,
    compile_lowered,
    layer_parts,
    lower_step,
    network_picture,
    parse_module,
    read_crossings,
)
from alexnet_jax.training import conv1_kernels

# %% [markdown]
# ## Why two
#
# The paper's cards, GTX 580, had 3 GB of memory each. What does training put into it?
#
# - Three arrays of the size of the parameters: the weights, their gradients, and the velocity of
#   the momentum rule.
# - The output of every layer for every image of a batch, since the backward pass needs it, and a
#   gradient of the same size for each.
#
# All are float32, 4 bytes a number, and a batch had 128 images.

# %%
network = alexnet_jax.architecture("paper")
table = rows(network)
parameters = sum(row.parameters for row in table)
outputs = sum(row.activations for row in table)
batch = 128
print(f"weights, gradients, velocity: 3 x 4 x {parameters:,} bytes")
print(f"outputs and their gradients:  2 x 4 x {batch} x {outputs:,} bytes")
print(f"{12 * parameters / 1e9:.2f} GB and {8 * batch * outputs / 1e9:.2f} GB")

# %% [markdown]
# This is an estimate; a program may keep less, or need more as work space. The network fills two
# thirds of a card before anything else is stored, and a wider one would not fit. On two cards
# each holds half of the maps, half of the weights, and does half of the work. Training still took
# five to six days.
#
# ## What a group is
#
# The cut is simple: tower 0 holds the first half of the maps of every layer, tower 1 the second
# half. Write $I^\sigma$ for the input maps on tower $\sigma$ and $W^{\tau\sigma}$ for the weights
# of tower $\tau$ that read them. A layer that reads everything computes
#
# $$u^\tau = b^\tau + W^{\tau 0} I^0 + W^{\tau 1} I^1,$$
#
# and half of its input lies on the other card. The paper's idea is to leave out the weights
# between the towers in conv2, conv4 and conv5:
#
# $$u^\tau = b^\tau + W^{\tau\tau} I^\tau.$$
#
# Nothing needs to cross. Today this is called a convolution with two *groups*. Three ways must
# give the same numbers: one call with groups; two separate convolutions, one a tower; and a full
# kernel whose blocks between the towers are 0.

# %%
random = np.random.default_rng(0)
x = np.float32(random.normal(size=(1, 13, 13, 96)))
kernel = np.float32(random.normal(size=(5, 5, 48, 256)))
full = np.zeros((5, 5, 96, 256), np.float32)
full[:, :, :48, :128], full[:, :, 48:, 128:] = np.split(kernel, 2, -1)

conv2 = jax.jit(partial(ops.conv2d, padding=2))
grouped = np.asarray(conv2(x, kernel))
halves = zip(np.split(x, 2, -1), np.split(kernel, 2, -1), strict=True)
towers = np.concatenate([conv2(maps, own) for maps, own in halves], -1)
for name, other in (("two convolutions", towers), ("zeros in between", conv2(x, full))):
    apart = np.abs(grouped - other).max() / np.abs(grouped).max()
    print(f"{name}: relative difference {apart:.0e}")

# %% [markdown]
# The kernel of conv2 has shape `[5, 5, 48, 256]`: 256 output maps, each of which reads 48 of the
# 96 input maps. The missing half was never stored.
#
# We can see this in a trained network. The package brings one, `tiny`, which has the paper's
# layers in narrow and was trained on small photographs of 200 classes. For each pair of an input
# map $c$ and an output map $m$ we draw the strength of the connection,
# $\sqrt{\sum_{pq} (W^m_{pqc})^2}$.

# %%
model = alexnet_jax.load("tiny")
figure = blank_figure(8.2, 3.1, wspace=0.06)
for axis, name in zip(figure.subplots(1, 2), ("conv2", "conv3"), strict=True):
    strength = np.sqrt(np.square(np.asarray(model.params[name]["kernel"])).sum((0, 1)))
    placed = next(p for p in model.architecture.placed() if p.layer.name == name)
    groups = placed.input[-1] // strength.shape[0]
    strength = block_diag(*np.split(strength, groups, 1))
    shown = axis.imshow(strength, cmap=style.HEAT, vmin=0, aspect="auto", interpolation="nearest")
    figure.colorbar(shown, ax=axis)
    axis.set_title(f"{name}: strength of every connection", fontsize=style.TITLE)
    axis.set(xlabel="output map", ylabel="input map")
display(figure)

# %% [markdown]
# conv2 has two blocks and nothing between them. conv3 reads everything: here the towers meet.
#
# ## What it saves
#
# A layer with $G$ groups has $(K^2 C_\text{in}/G + 1)\,C_\text{out}$ parameters and needs
# $K^2\,(C_\text{in}/G)\,C_\text{out}$ multiply-adds at each position, $1/G$ of the full layer. We
# compare with the same network without groups.

# %%
joined = rows(
    alexnet_jax.architecture(
        "paper", layers={name: {"groups": 1} for name in ("conv2", "conv4", "conv5")}
    )
)
print("layer     parameters: towers        joined    multiply-adds: towers        joined")
for two, one in zip(table, joined, strict=True):
    if two.parameters:
        print(
            f"{two.name:6} {two.parameters:20,} {one.parameters:13,} {two.macs:24,} {one.macs:13,}"
        )
for title, rows_of in (("towers", table), ("joined", joined)):
    sums = [sum(getattr(row, field) for row in rows_of) for field in ("parameters", "macs")]
    print(f"{title}: {sums[0]:,} parameters, {sums[1]:,} multiply-adds an image")

# %% [markdown]
# The parameters hardly change, because 96 % of them are in the dense layers. The work does: the
# network without groups needs 1.57 times as many multiply-adds. The price: three of the five
# convolutions see only half of the maps below them. Still, the paper reports that the two towers
# make 1.7 points fewer top-1 errors than one card with half as many maps in each convolution.
#
# ## What must cross, by hand
#
# Where the table says that a layer reads all maps, each tower sends its half to the other.

# %%
for index, placed in enumerate(network.placed()):
    if index and reads_all_maps(placed.layer):  # conv1 reads the image, which both have
        half = math.prod(placed.input) // 2
        print(f"{placed.layer.name} reads both towers: each sends {half:,} values an image")

# %% [markdown]
# Two more exchanges are needed. Local response normalization sums over $n = 5$ neighbouring
# *maps*. At the seam, the last maps of tower 0 have neighbours on tower 1, so each tower sends
# $\lfloor n/2 \rfloor = 2$ maps to the other (a *halo*): $55^2 \cdot 2 = 6050$ values for lrn1,
# $27^2 \cdot 2 = 1458$ for lrn2. And the softmax needs all the logits, $1000/2$ values from each
# tower.
#
# Backward, the same numbers return. An input that both towers have read gets a gradient that is
# the sum of two terms,
#
# $$\bar I^\sigma = (W^{0\sigma})^T \delta^0 + (W^{1\sigma})^T \delta^1,$$
#
# and each tower can compute one of them. It sends that term to the owner of $I^\sigma$, which
# adds. **Where values are copied forward, gradients are summed backward.** Only the logits have
# no way back, since both towers compute the whole loss.
#
# The weights' gradients need no exchange at all.
# $\bar W^{\tau\sigma} = \sum \delta^\tau (I^\sigma)^T$ uses the tower's own $\delta^\tau$, and
# $I^\sigma$ is there from the forward pass. In conv1 nothing returns, either: nobody needs the
# gradient of the image.
#
# ## The same network on two devices
#
# A *topology* names the devices and says what each of them holds. The function that computes the
# network does not know which one it runs on. We compute three photographs on one device and on
# two, layer by layer. The last column says how each array is divided: `'tower'` on an axis means
# that each device has one half of it.

# %%
names = ("cat", "coffee", "rocket")
stored = model.preprocess.stored([getattr(photographs, name)() for name in names])
images = model.preprocess(stored)

one, two = (topology(name, model.architecture) for name in ("one_device", "two_towers"))
whole = make_activations(model.architecture, one)(one.place(model.params), images)
split = make_activations(model.architecture, two)(two.place(model.params), two.place(images))
for name in ("conv1", "lrn1", "conv2", "lrn2", "conv3", "conv4", "conv5", "fc6", "fc7", "logits"):
    own, other = np.asarray(whole[name]), np.asarray(split[name])
    apart = np.abs(own - other).max() / np.abs(own).max()
    print(f"{name:7} relative difference {apart:.0e}   {split[name].sharding.spec}")

# %% [markdown]
# The results agree to rounding: the sums are taken in another order. The logits are whole on both
# devices.
#
# ## What the compiler made of it
#
# Now we compile a whole training step for two devices: forward, loss, backward, update. We take
# the network `small`, which has the paper's layers for images of 28 pixels, and 32 images. The
# result is a program as text. The instructions in it that communicate are called *collectives*.

# %%
small = alexnet_jax.architecture("small")
pair = topology("two_towers", small)
config = TrainConfig(
    name="towers",
    data="none",
    steps=1,
    preset="small",
    batch=32,
    topology="two_towers",
    mirror=False,
    colour_noise=0.0,
)
program = compile_lowered(lower_step(small, config, pair), pair).as_text()
instructions = [one for body in parse_module(program).computations.values() for one in body]
kinds = ("all-gather", "reduce-scatter", "all-reduce", "all-to-all", "collective-permute")
collectives = [one for one in instructions if one.kind.removesuffix("-start") in kinds]

print(f"{len(instructions):,} instructions, {len(collectives)} collectives:")
for one in collectives:
    array = one.arrays[0]
    way = "backward" if "transpose(" in one.op_name else "forward"
    print(f"  {one.kind:18} {array.dtype} {array.shape!s:17} {way}")

# %% [markdown]
# Three kinds, and each is one of our exchanges:
#
# - an **all-gather** gives every device the parts of all: a layer that reads both towers;
# - a **reduce-scatter** adds the terms of all devices and leaves each with the sum for its own
#   part: the gradient of such a layer's input;
# - a **collective-permute** sends an array from one device to another: the halo of the
#   normalization.
#
# The fourth kind, *all-reduce*, is missing. It would sum an array over all devices, as it is done
# for gradients where each device has other images (notebook 7). Towers have nothing to sum.
#
# The bytes follow from the shapes. For the result of an all-gather each of two devices sends one
# half, so together they send its size. A reduce-scatter leaves half an array on each device, and
# each has received a term of that size from the other: together twice the size of the result. A
# permute moves its array once. We add up, and set beside it what we expect by hand.

# %%
shapes = small.outputs()
halves = {  # values that a tower sends for an image, forward
    "lrn1": math.prod(shapes["conv1"][:2]) * 2,
    "lrn2": math.prod(shapes["conv2"][:2]) * 2,
    "conv3": math.prod(shapes["pool2"]) // 2,
    "fc6": math.prod(shapes["pool5"]) // 2,
    "fc7": shapes["fc6"][0] // 2,
    "fc8": shapes["fc7"][0] // 2,
    "logits": small.classes // 2,
}
forward, logits = sum(halves.values()), halves["logits"]
by_hand = 4 * 2 * config.batch * (forward + forward - logits)  # the logits do not return

times = {"all-gather": 1, "reduce-scatter": 2, "collective-permute": 1}
in_program = sum(times[one.kind] * one.bytes for one in collectives)
print(f"by hand:        {by_hand:,} bytes a step")
print(f"in the program: {in_program:,.0f} bytes a step")

found = read_crossings(program, small, config.batch, pair)
parts, columns = layer_parts(pair, small), column_names(pair)
display(network_picture(small, parts, found, config.batch, columns, "small on two devices"))

# %% [markdown]
# They agree to the byte. The picture was drawn from the program alone, and it is the paper's
# figure 2: two columns that meet at the normalizations, at conv3 and at the dense layers.
#
# ## What the towers have become
#
# The paper's figure 3 shows the kernels of conv1. On one card they are mostly grey: edges of
# various directions and widths. On the other they are mostly coloured blobs. The authors saw it
# in every run, with the roles of the cards exchanged from run to run. Nothing in the layers
# prefers one tower: only the random initial values tell them apart.
#
# Here are the kernels of `tiny`.

# %%
kernel = np.asarray(model.params["conv1"]["kernel"])
display(conv1_kernels(kernel, 2, "conv1 of tiny"))

# %% [markdown]
# Is one tower more colourful than the other? We need a number. The three weights of a pixel, one
# each for red, green and blue, are the sum of a grey part, their mean, and the rest, the colour.
# The *colour index* of a kernel is the share of its energy (sum of squares) in the colour. It is
# 0 for a kernel that answers to a grey copy of the picture as to the picture, and 1 for one that
# gives 0 on every grey picture.
#
# Any two halves differ a little. So we deal the same kernels to two towers at random, many times,
# and ask how often the means differ at least as much as they do.

# %%
index = colour_index(kernel).reshape(2, -1)  # [tower, kernel]
contrast = tower_contrast(index)
figure = blank_figure(6, 1.9)
axis = figure.subplots()
for tower, colour in enumerate(style.TOWERS):
    axis.plot(index[tower], np.full(index.shape[1], tower), "|", color=colour, markersize=16)
    axis.plot(index[tower].mean(), tower, "v", color=style.INK, markersize=7)
axis.set(yticks=(0, 1), yticklabels=("tower 0", "tower 1"), ylim=(1.6, -0.6), xlim=(0, 1))
axis.set_xlabel("colour index of each kernel; triangles: means")
style.open_frame(axis)
display(figure)
print(f"difference of the means {abs(contrast.difference):.2f}, by chance {contrast.chance:.2f}")
print(f"p = {contrast.p:.3f}")

# %% [markdown]
# The smaller $p$ is, the less chance explains the difference. But one network is a single sample,
# and the paper speaks of every run: to check the claim takes trainings with several seeds.
#
# Why should towers specialize at all? A kernel of conv1 is read by conv2 of its own tower only,
# so kernels that are useful together gain from lying in the same tower. This is a plausible
# reason and no proof.
#
# The towers meet in conv3. Does each mostly listen to itself there? For every layer that reads
# both, we split its sums $W^{\tau 0} I^0 + W^{\tau 1} I^1$ and compare the energies of the two
# terms.

# %%
display(report.towers(model.on(), stored))

# %% [markdown]
# A bar that is cut in the middle reads both towers alike. If training had made two networks that
# never talk, the bar of each tower would have one colour from end to end.
#
# ## Exercises
#
# **1.** The paper's step has 128 images. How many megabytes cross between the towers? Use the
# numbers from above: $6050 + 1458 + 21632 + 4608 + 2048 + 2048 + 500$ values forward.
#
# <details><summary>Solution</summary>
#
# Forward 38,344 values, backward 37,844 (without the logits), from each of two towers, 4 bytes
# each, for 128 images: 78 MB. `transfers` counts the same from the table of layers.
#
# ```python
# from alexnet_jax.planning import layout, transfers
#
# print(f"{4 * 2 * 128 * (38_344 + 37_844) / 1e6:.1f} MB by hand")
# crossing = transfers(network, layout("two_towers", network, 2), 128)
# print(f"{sum(one.bytes_per_step for one in crossing) / 1e6:.1f} MB")
# ```
#
# ```text
# 78.0 MB by hand
# 78.0 MB
# ```
#
# </details>
#
# **2.** The program of 2012 normalized each tower by itself: its windows ended at the seam. How
# much less crosses?
#
# <details><summary>Solution</summary>
#
# The halos are gone, $6050 + 1458$ values each way: a fifth of the traffic. Only the two maps on
# either side of the seam are computed differently.
#
# ```python
# within = {name: {"within_tower": True} for name in ("lrn1", "lrn2")}
# of_2012 = alexnet_jax.architecture("paper", layers=within)
# crossing = transfers(of_2012, layout("two_towers", of_2012, 2), 128)
# print(f"{sum(one.bytes_per_step for one in crossing) / 1e6:.1f} MB")
# ```
#
# ```text
# 62.6 MB
# ```
#
# </details>
#
# **3.** What would cross if conv2, conv4 and conv5 read both towers, too? Guess which of them
# costs most.
#
# <details><summary>Solution</summary>
#
# conv2 would need half of pool1, $27^2 \cdot 48 = 34{,}992$ values, conv4 and conv5
# $13^2 \cdot 192 = 32{,}448$ each. The traffic grows 3.6 times. That, besides the work, is why
# the paper lets the towers meet at one convolution only.
#
# ```python
# every = {name: {"groups": 1} for name in ("conv2", "conv4", "conv5")}
# meeting = alexnet_jax.architecture("paper", layers=every)
# crossing = transfers(meeting, layout("two_towers", meeting, 2), 128)
# print(f"{sum(one.bytes_per_step for one in crossing) / 1e6:.1f} MB")
# ```
#
# ```text
# 282.6 MB
# ```
#
# </details>
#
# **4.** Show from the compiled program that no gradient of a weight crosses. Then explain it to
# somebody who asks: "but both towers train conv3!"
#
# <details><summary>Solution</summary>
#
# Each tower trains its own half of conv3's kernels. The gradient of a kernel needs the error of
# its own output map and the input maps, and the tower holds both: the input since the forward
# pass.
#
# ```python
# print([one for one in found if one.direction == "gradient"])
# print(sorted({one.layer for one in found if one.direction == "backward"}))
# ```
#
# ```text
# []
# ['conv3', 'fc6', 'fc7', 'fc8', 'lrn1', 'lrn2']
# ```
#
# </details>
