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
# # 4. Training: a loss, its gradient, and two lines
#
# Sixty million random numbers recognize nothing. The paper turns them into AlexNet with two
# lines, applied to every weight $w$, update after update:
#
# $$v_{i+1} = 0.9\, v_i \;-\; 0.0005\, \epsilon\, w_i \;-\; \epsilon\, g_i, \qquad
# w_{i+1} = w_i + v_{i+1}$$
#
# Here $g_i$ is the gradient of the loss, averaged over a batch of images, $v$ a velocity and
# $\epsilon$ the learning rate. **Where does $g$ come from, why do the lines have this form, and
# what must be right before the first update so that they lead anywhere?**
#
# We compute each part by hand, on handwritten digits and the paper's network in narrow, and
# compare it with automatic differentiation and with the package's optimizer. Only then we let
# `fit` train.
#
# *To run this notebook:* install the package once, from the root of its repository, with
# `pip install '.[notebooks]'`.

# %%
# %matplotlib inline
import json
import tempfile
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
from IPython.display import display

import alexnet_jax
from alexnet_jax import TrainConfig, data, ops
from alexnet_jax.display import blank_figure, style
from alexnet_jax.training import Silence, fit, learning_curve

# %% [markdown]
# ## A batch and its loss
#
# The network `small` has the layers of AlexNet with fewer maps, for grey images of 28 pixels. We
# take the centre of 32 digits, minus the mean image, and scale the pixels to about -1 to 1.
#
# The network computes ten scores $z_k$ for an image, the logits. The softmax makes probabilities
# of them, and the loss of an image with the label $t$ is the negative logarithm of the
# probability that its label received:
#
# $$p_k = \frac{e^{z_k}}{\sum_l e^{z_l}}, \qquad L = -\log p_t.$$
#
# A network that knows nothing gives each class 1/10, which costs $\ln 10 = 2.303$. The loss of a
# batch is the mean over its $B$ images. How large the initial weights should be is the subject of
# a later section.

# %%
network = alexnet_jax.architecture("small")
dataset = data.load("digits")
mean = dataset.train.images.mean(0)
inputs = ((dataset.train.images - mean) / 128)[:, 2:30, 2:30].astype(np.float32)
labels = dataset.train.labels


def draw(std=None, bias=0.0):
    """Return initial parameters; without a std, sqrt(2 / fan-in)."""
    random, params = np.random.default_rng(0), {}
    for placed in network.placed():
        if placed.kernel:
            name, F = placed.layer.name, placed.fan_in
            kernel = random.normal(0, std or (2 / F) ** 0.5, placed.kernel)
            start = bias if name in ("conv2", "conv4", "conv5", "fc6", "fc7") else 0.0
            params[name] = {
                "kernel": jnp.float32(kernel),
                "bias": jnp.full(placed.bias, start, jnp.float32),
            }
    return params


def loss(params, x, y, keys):
    """Return the mean loss of a batch, and the outputs of all layers."""
    outputs = {}
    logits = alexnet_jax.forward(network, params, x, keys=keys, capture=outputs)
    return ops.cross_entropy(logits, y).mean(), outputs


loss_and_gradient = jax.jit(jax.value_and_grad(loss, has_aux=True))
B = 32
x, y, keys = inputs[:B], labels[:B], jax.random.split(jax.random.key(0), B)
params = draw()
(value, outputs), gradient = loss_and_gradient(params, x, y, keys)
print(f"loss {value:.3f}, and ln 10 = {np.log(10):.3f}")

# %% [markdown]
# The loss begins a little above $\ln 10$: random scores prefer some classes, mostly wrong ones.
#
# ## The gradient of the last layer, by hand
#
# The last layer computes $z = W^{\mathsf T} h + b$ from the 256 outputs $h$ of the layer below.
# Two steps give the gradient.
#
# **The loss by the logits.** Since $L = \log \sum_l e^{z_l} - z_t$,
#
# $$\frac{\partial L}{\partial z_k} = \frac{e^{z_k}}{\sum_l e^{z_l}} - y_k = p_k - y_k,$$
#
# with $y_k = 1$ for the label and 0 otherwise. The gradient is the error itself: what was
# predicted minus what was right.
#
# **The logits by the weights.** $W_{jk}$ enters $z_k$ alone, with the factor $h_j$. Over a batch
# with the mean loss, $\delta_{nk} = (p_{nk} - y_{nk})/B$ for image $n$, and
#
# $$\frac{\partial L}{\partial W_{jk}} = \sum_n h_{nj}\, \delta_{nk}, \qquad
# \frac{\partial L}{\partial b_k} = \sum_n \delta_{nk}, \qquad
#  \frac{\partial L}{\partial h_{nj}} = \sum_k \delta_{nk} W_{jk}.$$
#
# The third is what the layer passes down, where the layer below continues in the same way. The
# input $h$ is the output of the layer `dropout7`.

# %%
h, z = np.asarray(outputs["dropout7"]), np.asarray(outputs["logits"])
p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
error = p - np.eye(10)[y]
by_hand = {"kernel": h.T @ error / B, "bias": error.sum(0) / B}
for part, g in by_hand.items():
    automatic = gradient["fc8"][part]
    print(f"{part:6} largest {np.abs(g).max():.4f}, differs by {np.abs(g - automatic).max():.0e}")

figure = blank_figure(8, 2.1, wspace=0.05)
axes = figure.subplots(1, 3)
axes[0].imshow(x[0, ..., 0], cmap="gray")
axes[0].set_title(f"an image of the class {y[0]}", fontsize=style.TITLE)
style.no_ticks(axes[0])
axes[1].bar(range(10), p[0], color=style.GREY)
axes[1].set_title("predicted: $p_k$", fontsize=style.TITLE)
axes[2].bar(range(10), error[0], color=style.RED)
axes[2].set_title("gradient: $p_k - y_k$", fontsize=style.TITLE)
for axis in axes[1:]:
    axis.set_xticks(range(10))
    style.open_frame(axis)
display(figure)

# %% [markdown]
# Both agree to the rounding of float32. The bars on the right sum to 0. A step against them
# raises the score of the label, and lowers the others in proportion to their probabilities.
#
# ## The two lines
#
# A step of gradient descent would be $w \leftarrow w - \epsilon g$. The paper's lines add two
# terms.
#
# - **Momentum**, $0.9\, v$. The gradient of a batch is a noisy estimate. The velocity sums up the
#   past gradients, so that noise averages out and directions that persist add up: a constant
#   gradient builds up to $-\epsilon g\,(1 + 0.9 + 0.9^2 + \dots) = -10\, \epsilon g$.
# - **Weight decay**, $-0.0005\, \epsilon w$, the step for the penalty $\frac{0.0005}{2} w^2$. It
#   pulls every weight towards 0. The paper reports that it lowered even the training error.
#
# In optax, the rule is a chain of three transformations, each of which takes an update and
# returns another. We follow one weight through them.

# %%
rate = 0.02
w, g = params["fc8"]["kernel"], gradient["fc8"]["kernel"]
chain = {
    "g + 0.0005 w": optax.add_decayed_weights(0.0005),
    "times -rate": optax.scale_by_learning_rate(rate),
    "+ 0.9 v": optax.trace(0.9),
}
update = g
print(f"{'g':14} {g[0, 0]:+.8f}")
for name, transformation in chain.items():
    update, _ = transformation.update(update, transformation.init(w), w)
    print(f"{name:14} {update[0, 0]:+.8f}")

# %% [markdown]
# The first velocity is 0, so the last line changes nothing yet. Now two updates, three ways:
# `alexnet_jax.paper_sgd`, which is this chain; the paper's lines in NumPy; and the same in the
# chain's order of operations.

# %%
rule = alexnet_jax.paper_sgd(rate)
tree = {"fc8": {"kernel": w}}
state = rule.init(tree)
w, g = np.asarray(w), np.asarray(g)
paper, ordered = (w, 0 * w), (w, 0 * w)
for _ in range(2):  # the second update takes the same gradient: what counts is the rule
    updates, state = rule.update({"fc8": {"kernel": g}}, state, tree)
    tree = optax.apply_updates(tree, updates)

    v = 0.9 * paper[1] - 0.0005 * rate * paper[0] - rate * g
    paper = paper[0] + v, v

    v = -np.float32(rate) * (g + np.float32(0.0005) * ordered[0])
    v = v + np.float32(0.9) * ordered[1]
    ordered = ordered[0] + v, v

moved = np.asarray(tree["fc8"]["kernel"])
print("largest change of a weight:  ", np.abs(moved - w).max())
print("the paper's lines differ by: ", np.abs(moved - paper[0]).max())
print("in the chain's order equal:  ", np.array_equal(moved, ordered[0]))

# %% [markdown]
# In the same order the weights agree bit for bit; in the printed order, to rounding, as
# $a + (b + c)$ and $(a + b) + c$ do.
#
# ## When the rate changes
#
# In the paper's lines $\epsilon$ stands *inside* the velocity. `optax.sgd` and PyTorch have it
# outside:
#
# $$m_{i+1} = 0.9\, m_i + g_i + 0.0005\, w_i, \qquad w_{i+1} = w_i - \epsilon\, m_{i+1}.$$
#
# With a constant rate both are the same, $v = -\epsilon m$. They part when the rate drops:
# outside, the whole past is scaled down at once; inside, every old gradient keeps the rate of its
# own time. A constant gradient of 1 shows it, with the rate divided by ten at update 30.

# %%
schedule = optax.piecewise_constant_schedule(0.1, {30: 0.1})
rules = {
    "inside: paper_sgd": alexnet_jax.paper_sgd(schedule, weight_decay=0.0),
    "outside: optax.sgd": optax.sgd(schedule, momentum=0.9),
}
figure = blank_figure(8, 2.7, wspace=0.05)
left, right = figure.subplots(1, 2)
ends = []
for (name, rule), colour in zip(rules.items(), (style.RED, style.GREY), strict=True):
    one = {"fc": {"kernel": jnp.zeros(())}}
    state, steps = rule.init(one), []
    for _ in range(60):
        updates, state = rule.update({"fc": {"kernel": jnp.ones(())}}, state, one)
        steps.append(float(updates["fc"]["kernel"]))
    left.plot(steps, color=colour, label=name)
    right.plot(np.cumsum(steps), color=colour, label=name)
    ends.append(sum(steps))
left.set(xlabel="update", ylabel="step of the weight")
right.set(xlabel="update", ylabel="weight")
for axis in (left, right):
    axis.legend(frameon=False, fontsize=style.NOTE)
    style.open_frame(axis)
display(figure)
print(f"the paper's weight goes {ends[1] - ends[0]:.2f} further")

# %% [markdown]
# The step grows towards -1, ten times the rate. After the drop the paper's velocity needs some
# twenty updates to slow down, and meanwhile the weight coasts on. In a training of many thousand
# updates this hardly matters. It does matter to anyone who repeats a training exactly, and a
# comparison of optimizers at a constant rate does not notice it.
#
# ## Where to start
#
# A unit $u = \sum_i W_i I_i$ of $F$ inputs, whose weights are drawn with standard deviation
# $\sigma$, has the mean square $F \sigma^2$ times that of its inputs, and a ReLU removes half of
# it. A layer therefore multiplies the mean square of the signal by
#
# $$\tfrac{1}{2} F \sigma^2.$$
#
# With $\sigma = \sqrt{2/F}$ it is 1, and signals keep their size. The paper draws with
# $\sigma = 0.01$ whatever $F$ is, and starts the biases of conv2, conv4, conv5, fc6 and fc7 at 1.
# We compare three starts: how strongly do the outputs of each layer vary over the images of the
# batch, how many of its ReLUs are active, and how large is the gradient of its kernel?

# %%
full = alexnet_jax.architecture("paper").placed()
print("factor of one layer for 0.01:  paper   small")
for theirs, ours in zip(full, network.placed(), strict=True):
    if ours.kernel:
        factors = (0.5 * placed.fan_in * 0.01**2 for placed in (theirs, ours))
        print(f"{ours.layer.name:27}", *(f"{factor:8.3f}" for factor in factors))

starts = {
    "0.01, biases 0": (draw(0.01), style.GREY),
    "0.01, biases 1 (paper)": (draw(0.01, 1.0), style.RED),
    "$\\sqrt{2/F}$, biases 0": (params, style.BLUE),
}
names = [name for name in params if name not in ("fc7", "fc8")]  # dropout comes before these
figure = blank_figure(9, 3, wspace=0.06)
axes = figure.subplots(1, 3)
for label, (start, colour) in starts.items():
    (_, found), slopes = loss_and_gradient(start, x, y, keys)
    values = {name: np.asarray(found[name], np.float64).reshape(B, -1) for name in names}
    axes[0].semilogy([a.std(0).mean() for a in values.values()], color=colour, label=label)
    axes[1].plot([100 * (a > 0).mean() for a in values.values()], color=colour)
    norms = [np.linalg.norm(np.asarray(slopes[name]["kernel"])) for name in names]
    axes[2].semilogy(norms, color=colour)
axes[0].legend(frameon=False, fontsize=style.NOTE)
axes[1].set_ylim(0, 105)
titles = ("variation over images", "active ReLUs, %", "norm of the gradient")
for axis, title in zip(axes, titles, strict=True):
    axis.set_title(title, fontsize=style.TITLE)
    axis.set_xticks(range(len(names)), names, rotation=60, fontsize=style.NOTE)
    style.open_frame(axis)
display(figure)

# %% [markdown]
# With 0.01 and biases of 0 (grey), the signal fades on its way up and the gradient on its way
# down: this network would hardly move. Biases of 1 (red) switch on every ReLU of their layers.
# That is the paper's reason for them: an inactive ReLU has the derivative 0, and a unit that is
# inactive for all images learns nothing. The upper layers now receive gradients at once, and as
# their weights grow, more reaches the layers below. The picture itself is still lost on the way
# up. With $\sqrt{2/F}$ (blue) all layers start alike. `small` uses this rule: its layers are too
# narrow for 0.01. The table shows how much less the paper's wide layers lose, above all fc6.
#
# ## Dropout
#
# A network with far more weights than images can learn its images by heart, with units that rely
# on particular other units. In training, dropout sets each output of fc6 and fc7 to 0 with
# probability 1/2, anew for each image and update. No unit can rely on another one, and every
# update trains another of the many networks that share these weights. In testing all outputs are
# multiplied by 1/2 instead, so that the next layer receives what it received on average. With
# masks $m_j \in \{0, 1\}$:
#
# $$\mathrm{E}\Bigl[b + \sum_j W_j h_j m_j\Bigr] = b + \tfrac12 \sum_j W_j h_j, \qquad
# \mathrm{Var} = \tfrac14 \sum_j W_j^2 h_j^2.$$
#
# We draw 4,000 masks for one image and look at the score of its label.

# %%
h, W = outputs["fc7"][0], params["fc8"]["kernel"][:, y[0]]
masks = jax.random.bernoulli(jax.random.key(1), 0.5, (4000, len(h)))
scores = np.asarray(ops.dropout(jnp.tile(h, (4000, 1)), masks) @ W)
tested = float(ops.dropout(h, None) @ W)
spread = 0.5 * float(jnp.sqrt(jnp.sum(W**2 * h**2)))
print(f"testing {tested:.3f}; mean of the masks {scores.mean():.3f}")
print(f"standard deviation by formula {spread:.3f}; of the masks {scores.std():.3f}")

figure = blank_figure(5, 2.3)
axis = figure.subplots()
axis.hist(scores, 50, color=style.PALE)
axis.axvline(tested, color=style.RED, label="in testing")
axis.set(xlabel="score of the label over masks of dropout", yticks=[])
axis.legend(frameon=False, fontsize=style.NOTE)
style.open_frame(axis)
display(figure)

# %% [markdown]
# The price is this spread: in training, every score carries noise, and half of the network is
# missing when the loss is measured. Training takes longer, and the test loss may be the lower
# one.
#
# ## A training
#
# Now everything together. What `TrainConfig` is not told has the paper's value, such as the
# momentum. `fit` draws batches and random crops, computes the gradient, applies the two lines,
# and records the run in a directory. At epoch 8 it divides the rate by ten. If the directory
# holds the finished run already, there is nothing left to do.

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
    mirror=False,  # a mirrored 3 is no digit
    colour_noise=0.0,
    pixel_scale=1 / 128,
    log_every=5,
    evaluate_every=40,
    checkpoint_every=120,
)
workdir = Path(tempfile.gettempdir()) / "alexnet_jax_notebooks" / "digits"
fit(config, workdir, Silence())

lines = [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]
drop = int(np.ceil(8 * len(dataset.train) / config.batch))
figure = learning_curve(lines, "digits; dotted: the rate drops")
for axis in figure.get_axes():
    axis.axvline(drop, color=style.INK, linestyle=":")
figure.set_size_inches(8, 3)
display(figure)

# %% [markdown]
# In the first twenty updates little happens: the scores are still noise, and no layer has
# anything to build on. Then the loss falls quickly.
#
# Why does a lower rate help at the end? The gradient of a batch is that of all images plus noise.
# Near a minimum only the noise is left. It moves the weights by steps proportional to $\epsilon$,
# so that they hover around the minimum at a distance that $\epsilon$ decides. A thousand weights
# with the loss $\frac{1}{40} w^2$, each with its own noisy gradients, show it without a network:

# %%
figure = blank_figure(5.4, 2.5)
axis = figure.subplots()
for name, first, second, colour in (
    ("0.05", 0.05, 0.05, style.RED),
    ("0.005", 0.005, 0.005, style.GREY),
    ("0.05, then 0.005", 0.05, 0.005, style.BLUE),
):
    random = np.random.default_rng(0)
    w, v, losses = np.full(1000, 10.0), np.zeros(1000), []
    for i in range(800):
        rate = first if i < 300 else second
        v = 0.9 * v - rate * (w / 20 + random.normal(size=1000))
        w = w + v
        losses.append(np.mean(w**2 / 40))
    axis.semilogy(losses, color=colour, label=f"rate {name}")
axis.set(xlabel="update", ylabel="mean loss")
axis.legend(frameon=False, fontsize=style.NOTE)
style.open_frame(axis)
display(figure)

# %% [markdown]
# The high rate (red) comes down fast and then stays where its noise holds it. The low rate (grey)
# gets lower, but slowly. The drop (blue) has both advantages, provided that it comes when
# progress has stopped. The paper divided by ten whenever the validation error stalled, three
# times in 90 epochs.
#
# ## A rate that is too large
#
# Let the loss along some direction be $\frac{c}{2} w^2$, with curvature $c$. Gradient descent
# gives $w \leftarrow (1 - \epsilon c)\, w$. For $\epsilon > 2/c$ the factor is below -1, and each
# step overshoots by more than the last. The direction of largest curvature limits the rate of all
# weights. We train by hand with the two lines, from the same start with four rates.


# %%
@jax.jit
def two_lines(w, v, g, rate):
    """Return the weights and velocities after an update, trees of arrays."""
    v = jax.tree.map(lambda v, w, g: 0.9 * v - 0.0005 * rate * w - rate * g, v, w, g)
    return jax.tree.map(jnp.add, w, v), v


figure = blank_figure(6, 2.8)
axis = figure.subplots()
trained = {}
for rate, colour in zip((0.002, 0.02, 0.2, 0.5), style.SERIES, strict=False):
    weights, velocity = params, jax.tree.map(jnp.zeros_like, params)
    random, losses = np.random.default_rng(1), []
    for number in range(60):
        chosen = random.choice(len(inputs), B, replace=False)
        keys = jax.random.split(jax.random.key(number), B)
        batch = inputs[chosen], labels[chosen], keys
        (value, outputs), g = loss_and_gradient(weights, *batch)
        if not np.isfinite(value):
            print(f"rate {rate}: not finite at update {number}")
            break
        trained[rate] = outputs
        weights, velocity = two_lines(weights, velocity, g, rate)
        losses.append(float(value))
    axis.plot(losses, color=colour, label=f"rate {rate}")
axis.axhline(np.log(10), color=style.INK, linestyle=":", label="ln 10")
axis.set(xlabel="update", ylabel="loss of the batch", ylim=(1, 4))
axis.legend(frameon=False, fontsize=style.NOTE, ncols=2)
style.open_frame(axis)
display(figure)
for rate, outputs in trained.items():
    shares = (f"{name} {float((outputs[name] > 0).mean()):4.0%}" for name in names[2:])
    print(f"rate {rate}: active", ", ".join(shares))

# %% [markdown]
# The smallest rate has hardly begun. The largest overshoots until its numbers leave the range of
# float32, where `fit` would stop and name the layer. The rate of 0.2 is the treacherous case. Its
# loss stays finite and hovers around $\ln 10$. Steps that were far too long have switched off
# most ReLUs of the convolutions. A unit that is off for every image has no gradient and does not
# come back by itself. A loss that stands still at $\ln K$ calls for a look at the active units,
# and for a smaller rate.
#
# ## Exercises
#
# **1.** All logits of a network are equal. What are its loss and its gradient by the logits, for
# $K$ classes? Which bias of the last layer would lower the loss on a data set in which one class
# is more frequent than the others?
#
# <details><summary>Solution</summary>
#
# $p_k = 1/K$, so the loss is $\ln K$, and the gradient $1/K - 1$ for the label, $1/K$ for the
# others. Over a data set the mean gradient of $b_k$ is $1/K$ minus the share of class $k$. It is
# 0 where $p_k$ equals that share: the best constant logits are the logarithms of the class
# frequencies.
#
# ```python
# label = jnp.array(3)
# print("loss", jax.jit(ops.cross_entropy)(jnp.zeros(10), label), "and", np.log(10))
# print(jax.jit(jax.grad(ops.cross_entropy))(jnp.zeros(10), label))
# ```
#
# ```text
# loss 2.3025851 and 2.302585092994046
# [ 0.1  0.1  0.1 -0.9  0.1  0.1  0.1  0.1  0.1  0.1]
# ```
#
# </details>
#
# **2.** The velocity is $v$ when the rate drops to almost 0. How far does the weight still move?
# Check your result against the picture of the two rules.
#
# <details><summary>Solution</summary>
#
# By $0.9 v + 0.9^2 v + \dots = 9 v$. In the picture the velocity was nearly -1 at the drop. Nine
# tenths of it exceed what the new rate keeps up, which makes about $9 \cdot 0.9 = 8.1$ in the
# end. The picture stops a little earlier.
#
# ```python
# v, travelled = 1.0, 0.0
# for _ in range(200):
#     v *= 0.9
#     travelled += v
# print(f"{travelled:.4f}")
# ```
#
# ```text
# 9.0000
# ```
#
# </details>
#
# **3.** How many updates at $\epsilon = 0.01$ does weight decay alone take to halve a weight?
# Simulate the two lines with $g = 0$. Does the momentum matter?
#
# <details><summary>Solution</summary>
#
# It matters: the decay passes through the velocity as any gradient does, and becomes ten times as
# strong. Each update shrinks the weight by the factor
# $1 - 0.0005 \cdot 0.01 / 0.1 = 1 - 5 \cdot 10^{-5}$, and $\ln 2 / (5 \cdot 10^{-5}) = 13{,}863$
# updates halve it. That is 1.4 epochs of ImageNet.
#
# ```python
# for momentum in (0.9, 0.0):
#     w, v, updates = 1.0, 0.0, 0
#     while w > 0.5:
#         v = momentum * v - 0.0005 * 0.01 * w
#         w, updates = w + v, updates + 1
#     print(f"momentum {momentum}: {updates:,} updates")
# ```
#
# ```text
# momentum 0.9: 13,866 updates
# momentum 0.0: 138,630 updates
# ```
#
# </details>
#
# **4.** Momentum moves the limit of the rate. For the loss $\frac{c}{2} w^2$, find the largest
# stable $\epsilon$ of the two lines, without decay, by simulation.
#
# <details><summary>Solution</summary>
#
# The limit is $2 (1 + 0.9)/c = 3.8/c$, nearly twice that of plain descent: at $\epsilon c = 3.8$
# the update has the solution $w_i = (-1)^i$, which neither grows nor shrinks.
#
# ```python
# for product in (3.7, 3.9):  # rate times curvature
#     w, v = 1.0, 0.0
#     for _ in range(1000):
#         v = 0.9 * v - product * w
#         w = w + v
#     print(product, "grows" if abs(w) > 1 else "shrinks")
# ```
#
# ```text
# 3.7 shrinks
# 3.9 grows
# ```
#
# </details>
#
# **5.** Most libraries today divide by the probability of keeping in training, and do nothing in
# testing. Show that a network with this dropout computes the same as the paper's if the weights
# behind it are halved, in training and in testing.
#
# <details><summary>Solution</summary>
#
# Training: $\sum_j \frac{W_j}{2} \cdot 2 h_j m_j = \sum_j W_j h_j m_j$. Testing:
# $\sum_j \frac{W_j}{2} h_j = \sum_j W_j \cdot \frac{1}{2} h_j$. The functions agree, the
# trainings do not: see the last exercise of notebook 6.
#
# ```python
# h, W = jnp.abs(masks[0] + 0.3), jnp.linspace(-1.0, 1.0, masks.shape[1])
# inverted = h * masks[1] / 0.5
# print(np.allclose(ops.dropout(h, masks[1]) @ W, inverted @ (W / 2), atol=1e-4))
# print(np.allclose(ops.dropout(h, None) @ W, h @ (W / 2), atol=1e-4))
# ```
#
# ```text
# True
# True
# ```
#
# </details>
