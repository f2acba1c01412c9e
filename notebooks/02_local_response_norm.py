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
# # Local response normalization, and its gradient by hand
#
#     b_i = a_i / (k + alpha * sum of a_j^2 over the n maps around i) ^ beta
#
# A map's response is divided by what its neighbours say at the same place. The layer has no
# parameters; its derivative is where implementations go wrong.

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

from alexnet_jax import ops
from alexnet_jax.display import blank_figure

jax.config.update("jax_enable_x64", True)
n, k, alpha, beta = 5, 2.0, 1e-4, 0.75

# %% [markdown]
# Written out from the formula, slowly, in NumPy. The window is clipped at the first and last map,
# as the kernels of 2012 did.


# %%
def denominator(a):
    D = np.empty_like(a)
    for i in range(a.shape[-1]):
        window = a[..., max(0, i - n // 2) : i + (n - 1) // 2 + 1]
        D[..., i] = k + alpha * np.sum(window**2, -1)
    return D


def norm(a):
    return a * denominator(a) ** -beta


a = np.random.default_rng(0).normal(0, 100, (4, 16))
ours = ops.local_response_norm(jnp.asarray(a), n=n, k=k, alpha=alpha, beta=beta)
print("largest difference:", np.abs(ours - norm(a)).max())

# %% [markdown]
# The derivative has two parts: through the numerator, of the map itself; and through the
# denominators of all maps in whose windows it lies.
#
#     da_j = g_j D_j^-beta - 2 alpha beta a_j * sum of g_i a_i D_i^(-beta-1) over i with j in W(i)
#
# Leaving the sum out, but for i = j, is a mistake that a loss curve does not show.


# %%
def backward(a, g, neighbours=True):
    D = denominator(a)
    shared = g * a * D ** (-beta - 1)
    found = g * D**-beta
    for j in range(a.shape[-1]):
        reach = range(max(0, j - (n - 1) // 2), min(a.shape[-1], j + n // 2 + 1))
        for i in reach if neighbours else [j]:
            found[..., j] -= 2 * alpha * beta * a[..., j] * shared[..., i]
    return found


g = np.random.default_rng(1).normal(size=a.shape)


def plain_norm(a):
    squares = jnp.pad(a**2, ((0, 0), (2, 2)))
    return a * (k + alpha * sum(squares[:, s : s + 16] for s in range(5))) ** -beta


_, pull = jax.vjp(lambda x: ops.local_response_norm(x, n=n, k=k, alpha=alpha, beta=beta), a)
_, plain = jax.vjp(plain_norm, a)
own = np.asarray(pull(g)[0])
print("the layer's own backward pass against the formula:", np.abs(own - backward(a, g)).max())
print("against automatic differentiation of the plain form:", np.abs(own - plain(g)[0]).max())
print("without the neighbours' terms:", np.abs(own - backward(a, g, neighbours=False)).max())

# %% [markdown]
# What it does: the same response counts less among strong neighbours.

# %%
strengths = np.linspace(0, 400, 200)
figure = blank_figure(7, 3.6)
axes = figure.subplots()
for own in (50, 100, 200):
    responses = np.zeros((200, 5))
    responses[:, 2], responses[:, 1], responses[:, 3] = own, strengths, strengths
    axes.plot(strengths, norm(responses)[:, 2], label=f"own response {own}")
axes.set(xlabel="response of both neighbours", ylabel="normalized own response")
axes.legend(frameon=False)
display(figure)

# %% [markdown]
# Two traps when numbers are carried over. PyTorch, Caffe and cuDNN divide alpha by n; this layer,
# as the paper's formula, does not: the paper's 1e-4 is their 5e-4. And the source that was
# published divided its 1e-4 by 5, so what the authors ran was 2e-5 here.
