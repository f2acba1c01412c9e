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
# # 2. Local response normalization, and its derivative on the board
#
# Between the first and the second convolution of AlexNet stands a layer without a single
# parameter. It divides every response by a measure of how strongly the neighbouring maps respond
# at the same place. **What does such a competition do to the maps, and what is the derivative of
# a layer in which every output depends on five inputs?**
#
# The derivative is worth an hour: it is short, it is easy to get half right, and a network
# trained with half of it still learns, so that the mistake can live for years. We derive it line
# by line, then check it in three independent ways.
#
# *To run this notebook:* install the package once, from the root of its repository, with
# `pip install '.[notebooks]'`.

# %%
# %matplotlib inline
import tempfile
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from IPython.display import display
from skimage import data as photographs

import alexnet_jax
from alexnet_jax import TrainConfig, data, ops
from alexnet_jax.display import blank_figure
from alexnet_jax.training import Silence, fit

# %% [markdown]
# ## The formula
#
# Let $a_i$ be the response of map $i$ at some position $(x, y)$, after the ReLU, and let there be
# $N$ maps. The normalized response is
#
# $$b_i = \frac{a_i}{D_i^{\,\beta}}, \qquad D_i = k + \alpha \sum_{j \in W(i)} a_j^2, \qquad
# W(i) = \bigl\{\max(0, i - \lfloor n/2 \rfloor), \dots,
# \min(N - 1, i + \lfloor n/2 \rfloor)\bigr\}.$$
#
# The window $W(i)$ holds the $n$ maps around map $i$, fewer at either end. The paper takes
# $k = 2$, $n = 5$, $\alpha = 10^{-4}$ and $\beta = 3/4$, found on a validation set. The sum runs
# over maps, never over positions: each position is normalized by itself.
#
# Written as a loop over maps, in NumPy:

# %%
n, k, alpha, beta = 5, 2.0, 1e-4, 0.75


def denominators(a):
    """Return D of all maps, the last axis of a."""
    D = np.empty_like(a)
    for i in range(a.shape[-1]):
        D[..., i] = k + alpha * np.sum(a[..., max(0, i - n // 2) : i + n // 2 + 1] ** 2, -1)
    return D


def norm(a):
    return a / denominators(a) ** beta


print("one strong map among weak ones:   ", norm(np.array([10.0, 10, 200, 10, 10])).round(1))
print("the same among strong ones:       ", norm(np.array([200.0, 200, 200, 200, 200])).round(1))
print("weak maps far from strong ones:   ", norm(np.array([10.0, 10, 10, 10, 10])).round(1))

# %% [markdown]
# Three regimes. Small responses are multiplied by $k^{-\beta} = 2^{-3/4} = 0.59$, whatever their
# neighbours: the layer is linear there. A response of 200 among weak neighbours still stands out.
# Among equally strong neighbours it falls to two fifths of that. And the maps beside a strong one
# are pushed down from 5.9 to 2.6: that is the competition.

# %%
strengths = np.linspace(0, 400, 200)
figure = blank_figure(8, 3, wspace=0.05)
left, right = figure.subplots(1, 2)
for own in (50, 100, 200):
    a = np.zeros((200, 5))
    a[:, 2], a[:, 1], a[:, 3] = own, strengths, strengths
    left.plot(strengths, norm(a)[:, 2], label=f"own response {own}")
left.set(xlabel="response of two neighbours", ylabel="normalized own response")
for others in (0, 100, 200):
    a = np.full((200, 5), float(others))
    a[:, 2] = strengths
    right.plot(strengths, norm(a)[:, 2], label=f"four neighbours at {others}")
right.set(xlabel="own response", ylabel="normalized own response")
for axis in (left, right):
    axis.legend(frameon=False, fontsize=8)
    axis.spines[["top", "right"]].set_visible(False)
display(figure)

# %% [markdown]
# The curve on the right shows something that the formula hides. Without neighbours the output
# rises until $a = 200$ and then *falls*: for large $a$ it behaves like
# $a^{1 - 2\beta} = a^{-1/2}$. Exercise 1 finds the maximum.
#
# ## On maps where one sees it
#
# To see the layer act we need maps of which neighbours mean something. We build sixteen by hand:
# kernels that answer to edges, each turned a little further than the one before. Neighbouring
# maps then look for similar directions, which nothing enforces in a trained network. The
# responses to a photograph, in units of 0 to 255, exceed 100, large enough for the sum in $D$ to
# matter.

# %%
offsets = np.arange(-5, 6)
down, across = np.meshgrid(offsets, offsets, indexing="ij")
envelope = np.exp(-(down**2 + across**2) / 8)
angles = np.pi * np.arange(16) / 16
edges = [envelope * np.sin(0.8 * (across * np.cos(t) + down * np.sin(t))) for t in angles]
kernels = jnp.asarray(np.stack(edges, -1)[:, :, None] / 6, jnp.float32)  # [11, 11, 1, 16]

grey = photographs.cat().mean(-1)[40:260, 100:340]
image = jnp.asarray(grey - grey.mean(), jnp.float32)[None, ..., None]
before = jnp.maximum(0, ops.conv2d(image, kernels, jnp.zeros(16), stride=2, padding=5))
after = ops.local_response_norm(before, n=n, k=k, alpha=alpha, beta=beta)

figure = blank_figure(9, 3.7)
panels = figure.subplots(2, 5)
panels[0, 0].imshow(grey, cmap="gray")
panels[0, 0].set_title("photograph", fontsize=9)
panels[1, 0].imshow(np.asarray(kernels[:, :, 0, 0]), cmap="gray")
panels[1, 0].set_title("kernel of map 0", fontsize=9)
for column, number in enumerate((0, 4, 8, 12), start=1):
    for row, (x, when) in enumerate(((before, "before"), (after, "after"))):
        top = float(x.max())
        panels[row, column].imshow(np.asarray(x[0, ..., number]), cmap="magma", vmin=0, vmax=top)
        panels[row, column].set_title(f"map {number} {when}, to {top:.0f}", fontsize=9)
for axis in panels.ravel():
    axis.set_axis_off()
display(figure)

# %% [markdown]
# Both rows are scaled from 0 to their own largest value. Before, a few strong contours outshine
# everything. After, the fur, whose responses are weak, is visible beside them: strong places are
# divided by more. The layer evens out contrast, and it does so without looking at any other
# position.
#
# ## The derivative, step by step
#
# Training needs the gradient. Let $L$ be the loss and $g_i = \partial L / \partial b_i$ what
# arrives from above. We want $\bar a_j = \partial L / \partial a_j$.
#
# **Step 1: the chain rule.** Map $j$ may influence every output $i$, so
#
# $$\bar a_j = \sum_i g_i \, \frac{\partial b_i}{\partial a_j}.$$
#
# **Step 2: the product rule** on $b_i = a_i \cdot D_i^{-\beta}$. With $\delta_{ij} = 1$ if
# $i = j$ and 0 otherwise,
#
# $$\frac{\partial b_i}{\partial a_j} = \delta_{ij}\, D_i^{-\beta}
# \;-\; \beta\, a_i\, D_i^{-\beta-1} \, \frac{\partial D_i}{\partial a_j}.$$
#
# **Step 3: the denominator** is a sum of squares over the window, so
#
# $$\frac{\partial D_i}{\partial a_j} = \begin{cases} 2 \alpha\, a_j & \text{if } j \in W(i) \\
# 0 & \text{otherwise.} \end{cases}$$
#
# **Step 4: insert** both into the chain rule. The Kronecker delta leaves one term of the first
# sum; the second sum keeps the $i$ whose window contains $j$, a set that we call
# $V(j) = \{i : j \in W(i)\}$:
#
# $$\bar a_j = g_j\, D_j^{-\beta} \;-\; 2 \alpha \beta\, a_j \sum_{i \in V(j)}
# g_i\, a_i\, D_i^{-\beta-1}.$$
#
# That is all. The first term says that a response passes its gradient on, divided as it was
# itself. The second says that a response also stands in its neighbours' denominators: raising
# $a_j$ lowers all $b_i$ around it. For odd $n$ the window is symmetric and $V(j) = W(j)$.
#
# **The classical mistake** is to keep only $i = j$ in the sum. Many texts print
# $\partial b_i / \partial a_i$ and stop there, which is the diagonal of the Jacobian and correct
# as such. But a gradient needs the whole matrix.


# %%
def backward(a, g, whole=True):
    """Return the gradient for a; without the neighbours' terms if not whole."""
    D = denominators(a)
    shared = g * a * D ** (-beta - 1)
    result = g * D**-beta
    for j in range(a.shape[-1]):
        V = range(max(0, j - n // 2), min(a.shape[-1], j + n // 2 + 1)) if whole else [j]
        for i in V:
            result[..., j] -= 2 * alpha * beta * a[..., j] * shared[..., i]
    return result


# %% [markdown]
# ## Three checks
#
# A formula and its check must not come from the same thought. We use float64, so that rounding
# does not hide a mistake.
#
# **Automatic differentiation** of the forward pass, which knows nothing of our derivation.
# `ops.plain` holds the layer written as plain operations; the layer that the network uses,
# `ops.local_response_norm`, has a backward pass of its own, written from the formula of step 4.

# %%
jax.config.update("jax_enable_x64", True)
random = np.random.default_rng(0)
a, g = random.normal(0, 100, (4, 16)), random.normal(size=(4, 16))

_, pull = jax.vjp(lambda x: ops.plain.local_response_norm(x, n=n, k=k, alpha=alpha, beta=beta), a)
_, pull_own = jax.vjp(lambda x: ops.local_response_norm(x, n=n, k=k, alpha=alpha, beta=beta), a)
automatic, own = np.asarray(pull(g)[0]), np.asarray(pull_own(g)[0])
by_formula, by_mistake = backward(a, g), backward(a, g, whole=False)
print(f"largest gradient                     {np.abs(automatic).max():.2f}")
print(f"formula against autodiff             {np.abs(by_formula - automatic).max():.0e}")
print(f"the layer's own pass against both    {np.abs(own - automatic).max():.0e}")
print(f"without the neighbours' terms        {np.abs(by_mistake - automatic).max():.2f}")

# %% [markdown]
# The formula agrees to rounding. Without the neighbours' terms the error is a third of the
# largest gradient. No loss curve shows this: the wrong gradient still points roughly downhill
# (exercise 5).
#
# **Finite differences.** Move one input by $h$ and compare:
#
# $$\frac{L(a + h e_j) - L(a - h e_j)}{2h} = \frac{\partial L}{\partial a_j} + O(h^2).$$
#
# The error should fall with the square of $h$, until the subtraction of two nearly equal numbers
# costs more digits than it gains. Seeing this slope is a stronger check than one small
# difference.

# %%
steps = 10.0 ** np.arange(-7, 3)
j, errors = 5, {"whole formula": [], "without neighbours": []}
for h in steps:
    sides = []
    for sign in (1, -1):
        moved = a.copy()
        moved[0, j] += sign * h
        sides.append(np.sum(g * norm(moved)))
    slope = (sides[0] - sides[1]) / (2 * h)
    for name, gradient in zip(errors, (by_formula, by_mistake), strict=True):
        errors[name].append(abs(slope - gradient[0, j]))

figure = blank_figure(5.4, 3)
axis = figure.subplots()
for (name, values), colour in zip(errors.items(), ("#5b7083", "#b5341b"), strict=True):
    axis.loglog(steps, values, marker="o", markersize=4, color=colour, label=name)
axis.loglog(steps[6:], 3e-9 * steps[6:] ** 2, ":", color="#1f2933", label="slope $h^2$")
axis.set(xlabel="h", ylabel="difference from the gradient", ylim=(1e-13, 1))
axis.legend(frameon=False, fontsize=8)
axis.spines[["top", "right"]].set_visible(False)
display(figure)

# %% [markdown]
# The grey curve falls along $h^2$ from the right and rises on the left, where rounding takes
# over. The red one stays where it is: a wrong formula does not get better with a smaller $h$.
#
# **The Jacobian** as a picture. For one position it is a 16 by 16 matrix, and step 3 says where
# it may differ from 0: on a band of width $n$.


# %%
def one_position(x):
    return ops.plain.local_response_norm(x, n=n, k=k, alpha=alpha, beta=beta)


jacobian = np.asarray(jax.jacrev(one_position)(a[0]))
figure = blank_figure(3.6, 3)
axis = figure.subplots()
shown = axis.imshow(jacobian, cmap="RdBu", vmin=-0.4, vmax=0.4)
axis.set(xlabel="input map j", ylabel="output map i")
figure.colorbar(shown, ax=axis)
display(figure)
apart = np.abs(np.subtract.outer(range(16), range(16)))
print("largest entry outside the band:", np.abs(jacobian[apart > n // 2]).max())

# %% [markdown]
# ## How much does it matter in a trained network?
#
# That depends on the size of its responses. We train the small network on digits (notebook 4
# explains the settings; if another notebook has done so already, nothing is left to do) and print
# the term $\alpha \sum a_j^2$ that competes with $k$. Any other trained network can stand in the
# line with `load`.

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
pictures = model.preprocess(dataset.test.images[:32])
maps = alexnet_jax.activations(model.architecture, model.params, pictures, ("conv1", "conv2"))
for name, x in maps.items():
    x = np.asarray(x, np.float64)
    term = denominators(x) - k
    print(f"{name}: responses to {x.max():.1f}, k = {k}, alpha times the sum to {term.max():.4f}")

# %% [markdown]
# This network reads pixels scaled to about -1 to 1, and its responses stay small. Beside $k = 2$
# the sum is nothing, and the layer is a multiplication by 0.59. The constants of a normalization
# belong to the units of its input: AlexNet's $\alpha = 10^{-4}$ was chosen for pixels in units of
# 0 to 255.
#
# ## Two traps when numbers are carried over
#
# 1. PyTorch, Caffe and cuDNN divide $\alpha$ by $n$; the paper's formula and this package do not.
#    The paper's $10^{-4}$ is their $5 \cdot 10^{-4}$.
# 2. The program of 2012 divided as well: its configuration says $10^{-4}$, so the authors ran
#    $2 \cdot 10^{-5}$ in the paper's form (notebook 6).
#
# ## Exercises
#
# **1.** For which $a$ is the output of a map without active neighbours largest? Differentiate
# $b = a\,(k + \alpha a^2)^{-\beta}$ and check with the paper's constants.
#
# <details><summary>Solution</summary>
#
# $b' = D^{-\beta} - 2\alpha\beta a^2 D^{-\beta-1} = 0$ gives $D = 2\alpha\beta a^2$, hence
# $a^2 = k / (\alpha (2\beta - 1))$. A maximum exists only for $\beta > 1/2$.
#
# ```python
# fine = np.linspace(1, 1000, 9991)
# print("by formula:", (k / (alpha * (2 * beta - 1))) ** 0.5)
# print("on a grid: ", fine[norm(fine[:, None])[:, 0].argmax()])
# ```
#
# ```text
# by formula: 200.0
# on a grid:  200.0
# ```
#
# </details>
#
# **2.** Show that scaling all inputs by $c$ is the same as scaling $\alpha$ by $c^2$ and the
# output by $c$. What does this say about pixels in units of 0 to 1?
#
# <details><summary>Solution</summary>
#
# $D_i$ contains only $\alpha a_j^2$, so
# $\text{LRN}_\alpha(c\,a) = c \cdot \text{LRN}_{c^2 \alpha}(a)$. A network whose responses are
# 255 times smaller needs an $\alpha$ 65,025 times larger to do the same.
#
# ```python
# c = 255.0
# scaled = ops.local_response_norm(c * a, alpha=alpha)
# other = c * ops.local_response_norm(a, alpha=c**2 * alpha)
# print(np.allclose(scaled, other, rtol=1e-12))
# ```
#
# ```text
# True
# ```
#
# </details>
#
# **3.** For even $n$ the kernels of 2012 used the window $i - n/2, \dots, i + n/2 - 1$. What is
# $V(j)$? Find it on paper for $n = 4$, then read it from the Jacobian.
#
# <details><summary>Solution</summary>
#
# $j \in W(i)$ means $i - 2 \le j \le i + 1$, so $V(j)$ is $j - 1, \dots, j + 2$: the mirrored
# window. Column $j$ of the Jacobian is different from 0 exactly there.
#
# ```python
# even = jax.jacrev(lambda x: ops.plain.local_response_norm(x, n=4, alpha=alpha))(a[0])
# print("j = 8: V(j) =", np.flatnonzero(np.asarray(even)[:, 8]))
# ```
#
# ```text
# j = 8: V(j) = [ 7  8  9 10]
# ```
#
# </details>
#
# **4.** A vector $a$ with one active map $j$ has a simple Jacobian. Which entries are not 0, and
# which of them does the classical mistake get right?
#
# <details><summary>Solution</summary>
#
# With $a_i = 0$ for $i \ne j$, the second term is 0 except for $i = j$, and the rest is diagonal.
# The mistake is invisible here. A test of a gradient needs inputs that are all different from 0.
#
# ```python
# alone = np.zeros((1, 16))
# alone[0, 5] = 150.0
# pulled = jax.vjp(lambda x: ops.local_response_norm(x, n=n, alpha=alpha), alone)[1]
# wrong = backward(alone, g[:1], whole=False)
# print("the mistake shows:", not np.allclose(np.asarray(pulled(g[:1])[0]), wrong))
# ```
#
# ```text
# the mistake shows: False
# ```
#
# </details>
#
# **5.** By how much does the mistake turn the direction of the gradient? Compute the cosine of
# the angle between the right and the wrong gradient for responses of standard deviation 1, 100
# and 1000.
#
# <details><summary>Solution</summary>
#
# For small responses both agree, since $D \approx k$. For large ones they point to different
# directions, but never to opposite ones: training goes on, only worse.
#
# ```python
# for size in (1, 100, 1000):
#     x = size * random.normal(size=(200, 16))
#     up = random.normal(size=x.shape)
#     right, wrong = backward(x, up).ravel(), backward(x, up, whole=False).ravel()
#     cosine = right @ wrong / np.sqrt((right @ right) * (wrong @ wrong))
#     print(f"{size:5}: {cosine:.2f}")
# ```
#
# </details>
