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
# # 6. The program of 2012, read beside the paper
#
# The paper describes its network on nine pages. In 2025 the program behind it was released, with
# the configuration files and the logs of its trainings. Net 145 is the published one: its logged
# errors, 40.664 % and 18.210 %, are the 40.7 % and 18.2 % of the paper's table. Yet the files do
# not say quite what the paper says. **Where do they differ, and how much does each difference
# change?**
#
# A difference of wording may be worth nothing, and a single number in a file may decide whether a
# network learns. So we compute both versions each time and look at the size of the difference.
# The preset `paper` follows the text, `source2012` the program.
#
# *To run this notebook:* install the package once, from the root of its repository, with
# `pip install '.[notebooks]'`.

# %%
# %matplotlib inline
from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from IPython.display import display
from PIL import Image
from skimage import data as photographs

import alexnet_jax
from alexnet_jax import ops
from alexnet_jax.data import training_views
from alexnet_jax.display import blank_figure, style
from alexnet_jax.inference import image_dependent_share, scores

paper, source = (alexnet_jax.architecture(name) for name in ("paper", "source2012"))
print("pixels: paper", paper.image_size, "source", source.image_size)
of_paper = {layer.name: layer for layer in paper.layers}
for layer in source.layers:
    if layer.name not in of_paper:
        print(f"{layer.name}: in the source alone, {layer}")
        continue
    for field, value in vars(layer).items():
        printed = getattr(of_paper[layer.name], field)
        if printed != value:
            print(f"{layer.name}.{field}: paper {printed} source {value}")
print("biases: paper", paper.biases, "source", source.biases)
print("views: paper", paper.views, "source", source.views)

# %% [markdown]
# The rest of this lecture goes through this list.
#
# ## 224 pixels
#
# The paper's input has 224 pixels and its first layer 55 positions, but
# $(224 - 11)/4 + 1 = 54.25$. Many readers settled on 227 pixels, for which the division has no
# remainder. The program has 224 and rounds *up*: the last windows hang over the right and bottom
# edges by three pixels, where they read zeros. That is the same as a picture of 227 pixels with
# three rows and columns of zeros.
#
# We take four photographs and kernels drawn at random, ten times as large as initial ones, so
# that the responses are large enough for the normalization that follows.

# %%
names = ("cat", "coffee", "rocket", "astronaut")
stored = np.stack(
    [Image.fromarray(getattr(photographs, name)()).resize((224, 224)) for name in names]
)
images = jnp.asarray(stored - stored.mean((0, 1, 2)), jnp.float32)

random = np.random.default_rng(0)
kernel, bias = jnp.float32(random.normal(0, 0.1, (11, 11, 3, 96))), jnp.zeros(96)
first = alexnet_jax.architecture("source2012", until="conv1")
params = {"conv1": {"kernel": kernel, "bias": bias}}
a = alexnet_jax.forward(first, params, images)

padded = jnp.pad(images, ((0, 0), (0, 3), (0, 3), (0, 0)))
same = ops.conv2d(padded, kernel, bias, stride=4)
print("shape", a.shape, "largest difference", np.abs(np.asarray(a) - same).max())
print(f"standard deviation of the responses {np.std(a):.0f}")

# %% [markdown]
# ## Normalization: the constant, the order, the towers
#
# The paper normalizes responses $a$ after the ReLU, with a sum over $n = 5$ neighbouring maps:
#
# $$b_i = a_i \Bigl(k + \alpha \sum_{j \in W(i)} a_j^2 \Bigr)^{-\beta}, \qquad
# k = 2,\; \alpha = 10^{-4},\; \beta = 3/4.$$
#
# The program differs in three ways.
#
# 1. Its file says $10^{-4}$, but the program divides this number by $n$ when it reads the file.
#    In the paper's form the authors ran $\alpha = 2 \cdot 10^{-5}$.
# 2. conv1 has no ReLU in the file. The normalization sees the linear responses, whose sum also
#    counts the negative ones, and the ReLU follows after pool1. (Pooling and ReLU may change
#    places, since the maximum of rectified values is the rectified maximum.)
# 3. Each GPU held 48 of the 96 maps and normalized them by themselves. Windows end at the border
#    between the towers.
#
# We change one at a time.

# %%
norm = jax.jit(ops.local_response_norm, static_argnames=("alpha",))
on = jax.nn.relu(a)
towers = a.reshape(*a.shape[:-1], 2, 48)
versions = {
    "the paper": norm(on, alpha=1e-4),
    "alpha = 2e-5": norm(on, alpha=2e-5),
    "ReLU afterwards": jax.nn.relu(norm(a, alpha=2e-5)),
    "within towers": jax.nn.relu(norm(towers, alpha=2e-5).reshape(a.shape)),
}
versions = {name: np.asarray(b) for name, b in versions.items()}
print("version           mean factor   change from the one before")
before = versions["the paper"]
for name, b in versions.items():
    factor, change = b.sum() / on.sum(), np.linalg.norm(b - before) / np.linalg.norm(before)
    print(f"{name:17} {factor:11.3f} {change:15.1%}")
    before = b

figure = blank_figure(8, 2.6, wspace=0.06)
left, right = figure.subplots(1, 2)
active = np.asarray(on) > 0
for (name, b), colour in zip(list(versions.items())[:3], style.SERIES, strict=False):
    factors = np.asarray(b)[active] / np.asarray(on)[active]
    left.hist(factors, 80, range=(0, 0.6), histtype="step", color=colour, label=name, density=True)
left.set(xlabel="factor on positive responses", yticks=[])
left.legend(frameon=False, fontsize=style.NOTE, loc="upper left")
seam = np.abs(versions["within towers"] - versions["ReLU afterwards"]).mean((0, 1, 2))
right.bar(np.arange(96), seam, color=style.RED)
right.axvline(47.5, color=style.GREY, linestyle=":")
right.set(xlabel="map", ylabel="mean change by the towers", xlim=(39.5, 55.5))
for axis in (left, right):
    style.open_frame(axis)
display(figure)

# %% [markdown]
# The constant is the largest of the three. With a fifth of $\alpha$, the competition between maps
# is much weaker, and many responses are merely multiplied by nearly $2^{-3/4} = 0.59$. The linear
# responses then lower the factor again: they fill the sums with about twice as many squares. The
# towers touch only the two maps on each side of their border, because $n = 5$ reaches two maps
# far.
#
# A fourth difference is a layer that the paper does not mention. After the second normalization
# stands another one, which works *within* each map, over $5 \times 5$ positions, with $k = 1$ and
# $\alpha = 4 \cdot 10^{-5}$. It lowers a response where its own map responds strongly all around.
# We show its factor on one of our maps.

# %%
one = a[:1]
factor = np.asarray(ops.map_response_norm(one, size=5, k=1.0, alpha=4e-5) / one)
figure = blank_figure(7.6, 2.5)
panels = figure.subplots(1, 3)
panels[0].imshow(stored[0])
panels[1].imshow(one[0, ..., 4], cmap=style.DIVERGING, vmin=-300, vmax=300)
shown = panels[2].imshow(factor[0, ..., 4], cmap=style.HEAT, vmin=0, vmax=1)
figure.colorbar(shown, ax=panels[2])
for axis, title in zip(panels, ("photograph", "responses of a map", "factor"), strict=True):
    axis.set_title(title, fontsize=style.TITLE)
    style.no_ticks(axis)
display(figure)

# %% [markdown]
# ## Initial values: 0.03 instead of 0.01
#
# The paper draws all weights with the standard deviation 0.01. The file says 0.03 for conv3,
# conv4 and conv5. A layer of $F$ inputs and standard deviation $\sigma$ multiplies the mean
# square of what varies by $F \sigma^2$ or, through a ReLU without bias, half of that (notebook
# 4). Three times $\sigma$ makes 9 times the square in each of three layers. How much of the
# output of pool5 depends on the photograph? With outputs $z_b$ of a batch and their mean
# $\bar z$, we compare $\sum_b |z_b - \bar z|^2 / \sum_b |z_b|^2$.

# %%
part = alexnet_jax.architecture("source2012", until="pool5")
drawn = {}
for placed in part.placed():
    if placed.kernel:
        layer = placed.layer
        weights = jnp.float32(random.normal(0, layer.std, placed.kernel))
        drawn[layer.name] = {"kernel": weights, "bias": jnp.full(placed.bias, layer.bias)}
compute = jax.jit(partial(alexnet_jax.forward, part, plain=True))  # quicker to compile
for text, shrunk in (("0.03", 1), ("0.01", 3)):
    start = drawn | {
        name: {**drawn[name], "kernel": drawn[name]["kernel"] / shrunk}
        for name in ("conv3", "conv4", "conv5")
    }
    outputs = np.asarray(compute(start, images), np.float64).reshape(len(images), -1)
    print(f"{text} in conv3 to conv5: {image_dependent_share(outputs):.1e}")

# %% [markdown]
# With the printed value the biases of 1 drown the picture. The network starts almost blind, and
# its loss will stand still for long. Of all numbers in the list, copy this one first. `fit`
# measures the share before it trains, and `TrainConfig(init="source2012")` takes these initial
# values for any preset.
#
# ## Ties in pooling
#
# When two inputs of a window are equal and largest, which of them receives the gradient? The
# paper is silent. The program gave the whole of it to *every* input that equals the maximum, and
# where windows overlap, the sum. JAX, PyTorch and Caffe give it to one of them.

# %%
tied = np.zeros((1, 5, 5, 1), np.float32)
tied[0, (1, 1, 2, 3), (1, 2, 3, 1), 0] = 4, 4, 2, 4
gradients = {}
for name, pool in (
    ("2012", ops.max_pool),
    ("JAX", partial(nn.max_pool, window_shape=(3, 3), strides=(2, 2))),
):
    y, pull = jax.vjp(pool, jnp.asarray(tied))
    gradients[f"gradient, {name}"] = pull(jnp.ones_like(y))[0]

figure = blank_figure(6.4, 2.1, wspace=0.05)
panels = figure.subplots(1, 3)
for axis, (title, x) in zip(panels, ({"input": tied} | gradients).items(), strict=True):
    x = np.asarray(x[0, ..., 0])
    axis.imshow(x, cmap="Blues", vmin=0, vmax=6)
    for (row, column), value in np.ndenumerate(x):
        axis.text(column, row, f"{value:.0f}", ha="center", va="center", fontsize=style.NOTE)
    axis.set_title(title, fontsize=style.TITLE)
    style.no_ticks(axis)
display(figure)

for dtype in (jnp.float32, jnp.bfloat16):
    stored_as = np.asarray(on.astype(dtype)).astype(np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(stored_as, (3, 3), (1, 2))[:, ::2, ::2]
    highest = windows.max((-2, -1), keepdims=True)
    several = ((windows == highest).sum((-2, -1)) > 1) & (highest[..., 0, 0] > 0)
    print(f"{dtype.__name__:8} windows with two or more positive maxima: {several.mean():.2%}")

# %% [markdown]
# Four windows, a gradient of 1 for each: the program hands out more than 4 in all. It rarely
# matters. Ties at 0 after a ReLU are common, but there the ReLU passes no gradient on. Positive
# responses that agree in all bits are rare in float32, and come from areas of a single colour. In
# bfloat16, with 8 significant bits, they are not rare.
#
# ## Views: the mean, the colours, the sharing
#
# **The mean image.** A training view is a random crop. The program subtracts from it the *centre*
# of the mean image, wherever the crop lies; Caffe subtracts the part of the mean image under the
# crop. The network `tiny` comes with the statistics of its 100,000 training pictures.
#
# **The colours.** The paper adds to all pixels of a view $\sum_c p_c z_c \lambda_c$, with the
# principal components $p_c$ of the colours, their eigenvalues $\lambda_c$ and random $z_c$ of
# standard deviation 0.1. The program has $\sqrt{\lambda_c}$, the standard deviations. That must
# be so: $\lambda_c$ is in squared grey levels, and taken at its word it would add more than a
# thousand to a pixel. Recipes that follow the printed formula divide the pixels by 255 first, and
# get yet another strength.

# %%
statistics = alexnet_jax.load("tiny").statistics
mean, deviations = np.asarray(statistics.mean), np.asarray(statistics.deviations)
print(f"mean image from {mean.min():.0f} to {mean.max():.0f}")
apart = np.abs(mean[4:60, 4:60] - mean[:56, :56]).mean()
print(f"centre against a corner: {apart:.1f} grey levels")
print("strength in grey levels along the components:")
strengths = {
    "standard deviations": 0.1 * deviations,
    "eigenvalues, pixels to 255": 0.1 * deviations**2,
    "eigenvalues, pixels to 1": 0.1 * (deviations / 255) ** 2 * 255,
}
for name, strength in strengths.items():
    print(f"  {name:28}", *(f"{value:7.1f}" for value in strength))

count = 400
black = jnp.zeros((count, 8, 8, 3), jnp.uint8)  # one colour, so that a view is the noise
keys = jax.random.split(jax.random.key(0), count)
options = {"size": 4, "mirror": False, "scale": 1.0, "colour_noise": 0.1}
view = jax.jit(partial(training_views, keys, black, **options))
readings = {
    "2012": (deviations, style.RED),
    "eigenvalues, pixels to 1": (deviations**2 / 255, style.INK),
}
figure = blank_figure(9, 2.8, wspace=0.05)
left, *panels = figure.subplots(1, 4, width_ratios=(1.6, 1, 1, 1))
drawn_noise = {}
for name, (strength, colour) in readings.items():
    used = statistics._replace(mean=np.zeros((8, 8, 3), np.float32), deviations=strength)
    noise = drawn_noise[name] = np.asarray(view(statistics=used))[:, 0, 0]
    left.scatter(noise[:, 0], noise[:, 2], s=5, color=colour, label=name)
left.set(xlabel="added to red", ylabel="added to blue", aspect="equal")
left.legend(frameon=False, fontsize=style.NOTE, loc="lower center", bbox_to_anchor=(0.5, 1))
style.open_frame(left)
noise = drawn_noise["2012"]
chosen = {
    "darkest of 400": noise[noise.sum(1).argmin()],
    "without noise": np.zeros(3),
    "brightest of 400": noise[noise.sum(1).argmax()],
}
for axis, (title, added) in zip(panels, chosen.items(), strict=True):
    axis.imshow(np.clip(stored[1] + added, 0, 255).astype(np.uint8))
    axis.set_title(title, fontsize=style.TITLE)
    style.no_ticks(axis)
display(figure)

# %% [markdown]
# The mean matters little, since the mean of many pictures is smooth. The noise is another matter.
# For ImageNet the program's table of standard deviations is 121.78, 37.09 and 19.72 grey levels,
# so that its noise has standard deviations of 12.2, 3.7 and 2.0. The points are 400 draws, in
# grey levels: by the program's rule, and by the weaker recipe.
#
# **The rest.** The program divides every training view by 1.1, one plus the coefficient of the
# noise. It draws crop and mirroring once for 32 images in a row, and the noise for each image.
# From about epoch 67 the noise is off.
#
# ## The update
#
# The two lines of the update are the paper's, with the rate inside the velocity (notebook 4).
# What the paper leaves out is the biases. They have a rate of their own, 0.02, and no weight
# decay. The rate of the weights was lowered by hand, after 25, 51 and 79 of 91 epochs; that of
# the biases stayed. conv1 was slowed down from about epoch 67 and stopped from about epoch 72.

# %%
epochs = np.arange(91)
weights = 0.01 * 0.1 ** np.searchsorted((25, 51, 79), epochs, side="right")
conv1 = np.where(epochs < 67, weights, np.where(epochs < 72, 1e-5, np.nan))
figure = blank_figure(6, 2.5)
axis = figure.subplots()
for name, rates, colour in (
    ("biases", np.full(91, 0.02), style.BLUE),
    ("weights", weights, style.RED),
    ("weights of conv1", conv1 / 1.25, style.INK),  # a little lower, to be seen
):
    axis.step(epochs, rates, where="post", color=colour, label=name)
axis.set(yscale="log", xlabel="epoch", ylabel="learning rate")
axis.legend(frameon=False, fontsize=style.NOTE)
style.open_frame(axis)
display(figure)
decayed = 10_009 * 0.0005 / (1 - 0.9) * weights.sum()
print(f"decay alone would multiply a weight by e^-{decayed:.1f} in these epochs")

# %% [markdown]
# At the end a bias learns 2,000 times as fast as a weight. And without decay the biases of 1 do
# not fade: under the decay of the weights, a parameter without a gradient would have gone to zero
# in the first 25 epochs.
#
# Dropout is in the program what it is in the paper: a mask in training, and a factor of 1/2 in
# testing. Here it is today's libraries that differ (exercise 4).
#
# ## Counting hits
#
# Even the error rate has a detail. Where the score of the label ties with others, the program
# gives a share of the hit. A broken network with constant outputs then scores what guessing
# scores.

# %%
constant, label = jnp.zeros((2, 1000)), jnp.array([3, 700])
print("in 2012:       ", jax.jit(scores)(constant, label)["top5"])
ranking = np.argsort(-np.asarray(constant), 1, stable=True)[:, :5]
print("by sorting:    ", [int(k in row) for k, row in zip(label, ranking, strict=True)])
above = (constant > jnp.take_along_axis(constant, label[:, None], 1)).sum(1)
print("counting > :   ", [int(number < 5) for number in above])

# %% [markdown]
# By sorting, the result depends on the number of the class. By counting larger scores, the broken
# network is perfect.
#
# ## What the logs say
#
# The logs hold other trainings with one change each, and two statements of the paper are
# differences of their lines. Errors in per cent, on the validation set of 2012 with ten views:
#
# | net | change | top-1 | top-5 | the paper |
# |---|---|---:|---:|---|
# | 145 | the published one | 40.664 | 18.210 | 40.7 and 18.2 |
# | 147 | pooling that does not overlap | 41.058 | 18.510 | overlap is worth 0.4 and 0.3 |
# | 148 | no normalization | 42.034 | 19.362 | it is worth 1.4 and 1.2 |
# | 167 | no normalization behind conv2, other rates | 40.488 | 18.118 | |
# | 145 | trained on from the rate 0.001, to epoch 135 | 40.250 | 17.994 | |
#
# The last two lines keep us modest. Net 167 is better without two of the three normalizations,
# and with more epochs the published network would have been better, too. A difference of 0.2
# points between two trainings proves little about either.
#
# ## Exercises
#
# **1.** The paper says that random crops and mirroring multiply the data by 2,048. How many views
# of 224 pixels does a picture of 256 have?
#
# <details><summary>Solution</summary>
#
# There are 33 offsets on each axis, from 0 to 32 inclusive, and two orientations. The paper's
# number counts 32.
#
# ```python
# print(2 * (256 - 224 + 1) ** 2, 2 * (256 - 224) ** 2)
# ```
#
# ```text
# 2178 2048
# ```
#
# </details>
#
# **2.** Caffe's copy of the network has $k = 1$. By how much do small responses differ behind two
# normalizations, and can the next layer undo it?
#
# <details><summary>Solution</summary>
#
# Small responses are multiplied by $k^{-\beta}$: by 1 in Caffe, and by $2^{-3/4} = 0.59$ here,
# twice 0.35. A constant factor can be undone by larger weights, but initial values and rates that
# suit one suit the other less.
#
# ```python
# small = jnp.full((1, 8), 0.01)
# once = ops.local_response_norm(small, k=2.0) / ops.local_response_norm(small, k=1.0)
# print(f"{once[0, 0]:.4f} {once[0, 0] ** 2:.4f}")
# ```
#
# ```text
# 0.5946 0.3536
# ```
#
# </details>
#
# **3.** Show that noise by standard deviations does the same to a picture in any units, and noise
# by eigenvalues does not. In which units are both equal for the largest component?
#
# <details><summary>Solution</summary>
#
# Pixels in units $u$ times as large have covariances divided by $u^2$. Standard deviations are
# divided by $u$ as the pixels are, eigenvalues by $u^2$. Both agree where the standard deviation
# is 1, that is for $u = \sqrt{\lambda_1}$ grey levels.
#
# ```python
# pixels = stored[0].reshape(-1, 3) / 1.0
# for unit in (1, 255):
#     eigenvalue = np.linalg.eigvalsh(np.cov((pixels / unit).T))[-1]
#     print(f"in units of {unit:3}: noise of {unit * 0.1 * eigenvalue:6.1f} grey levels by the "
#           f"eigenvalue, {unit * 0.1 * eigenvalue**0.5:.1f} by its root")
# ```
#
# </details>
#
# **4.** The program's dropout multiplies by 1/2 in testing. Today's libraries multiply by 2 in
# training, so that weights $V = W/2$ behind them compute the same. With which learning rate does
# $V$ train as $W$ does?
#
# <details><summary>Solution</summary>
#
# The inputs are doubled, and with them the gradient:
# $\partial L / \partial V = 2\, \partial L / \partial W$. The step of $V$ must be half the step
# of $W$. A doubled gradient and half the step make the rate $\epsilon/4$. Whoever takes the
# paper's rate and a library's dropout trains these layers four times as fast. One step for the
# loss $u^2/2$ with $u = \sum_j W_j h_j m_j$:
#
# ```python
# h, mask, W, rate = np.array([1.0, 3, 2]), np.array([1.0, 0, 1]), np.array([0.5, -1, 2]), 0.01
# V = W / 2
# W = W - rate * (W @ (h * mask)) * (h * mask)
# V = V - rate / 4 * (V @ (2 * h * mask)) * (2 * h * mask)
# print(np.allclose(V, W / 2))
# ```
#
# ```text
# True
# ```
#
# </details>
