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
# # 5. What a trained network sees, and how to ask
#
# A trained network gives a picture a class. **What did it look at? What do its maps answer to?
# Which pictures are alike to it?** There are tools for each of these questions, and every one of
# them draws a convincing picture. So there is a second question for each tool: **what can it not
# tell?**
#
# We take the network `tiny`, which comes with the package, and five tools: kernels, strongest
# patches, occlusion, gradients, and neighbours. One of them will fail a simple test.
#
# *To run this notebook:* install the package once, from the root of its repository, with
# `pip install '.[notebooks]'`. Every step works with any other trained network: the name in
# `load` can be the directory of a run or a file of weights.

# %%
# %matplotlib inline
import jax.numpy as jnp
import matplotlib
import numpy as np
from IPython.display import display
from PIL import Image
from skimage import data as photographs
from sklearn.datasets import load_sample_image

import alexnet_jax
from alexnet_jax import data
from alexnet_jax.analysis import (
    class_gradients,
    nearest,
    occlusion_map,
    patches_picture,
)
from alexnet_jax.display import blank_figure, style
from alexnet_jax.inference import make_activations
from alexnet_jax.network import receptive_fields
from alexnet_jax.parallel import topology

matplotlib.rcParams["image.interpolation"] = "nearest"  # show pixels as they are

# %% [markdown]
# ## What it answers
#
# Ten photographs that come from other sources than its training set. We ask about four of them.

# %%
names = ("coffee", "cat", "rocket", "brick", "grass", "coins")
names += ("hubble_deep_field", "immunohistochemistry")
pictures = {name: getattr(photographs, name)() for name in names}
pictures |= {"flower": load_sample_image("flower.jpg"), "temple": load_sample_image("china.jpg")}
whole = {name: Image.fromarray(pixels).convert("RGB") for name, pixels in pictures.items()}
names = tuple(whole)

model = alexnet_jax.load("tiny")
shown = ("coffee", "cat", "flower", "rocket")
stored = model.preprocess.stored([whole[name] for name in shown])
probabilities = model.probabilities(stored)
for name, answers in zip(shown, model(stored, top=3), strict=True):
    print(f"{name:7}", ", ".join(f"{one.name} {one.probability:.0%}" for one in answers))

# %% [markdown]
# The network knows 200 classes and has to divide its probability among them, whatever the picture
# shows. There is no answer *none of these*. An answer alone says little about what was seen.
#
# ## Kernels: what the first layer looks for
#
# Map $m$ of conv1 computes at each position the scalar product $\langle W^m, p \rangle$ of its
# kernel with a patch $p$ of the picture. Of all patches of the same length, the one with the
# largest product is the one that points in the direction of the kernel itself (exercise 1). So
# the picture of a kernel *is* the pattern that its map answers to.
#
# We take the six kernels that fit some patch of the first photograph best, by the largest
# response divided by $|W^m|$, and draw each with its maps for two photographs. The pass also
# computes what we need later: deeper layers, and 160 fields cut from the ten photographs.

# %%
crops, labels = [], []  # of each photograph 16 fields that do not overlap
for number, name in enumerate(names):
    side = min(whole[name].size) // 4
    for field in range(16):
        left, top = field % 4 * side, field // 4 * side
        crops.append(whole[name].crop((left, top, left + side, top + side)))
        labels.append(number)
fields, labels = model.preprocess.stored(crops), np.array(labels, np.int32)

network, params = model.architecture, model.params
views = model.preprocess(np.concatenate([stored, fields]))  # the four photographs come first
layers = ("conv1", "pool1", "conv2", "pool2", "conv5", "fc6", "fc7")
activations = make_activations(network, topology("one_device", network), layers)
maps = {name: np.asarray(x) for name, x in activations(params, views).items()}

kernels = np.asarray(params["conv1"]["kernel"])
lengths = np.sqrt(np.square(kernels).sum((0, 1, 2)))
best = np.argsort(-maps["conv1"][0].max((0, 1)) / lengths)[:6]
size = network.image_size
seen = data.centre_crop(stored, size)  # the pixels that the network gets
figure = blank_figure(8.2, 3.7)
panels = figure.subplots(3, 7)
panels[0, 0].set_visible(False)
for row in (0, 1):
    panels[row + 1, 0].imshow(seen[row])
for axes, m in zip(panels.T[1:], best, strict=True):
    axes[0].imshow(0.5 + 0.5 * kernels[..., m] / np.abs(kernels[..., m]).max())
    axes[0].set_title(f"kernel {m}", fontsize=style.LABEL)
    for row in (0, 1):
        top = maps["conv1"][:2, ..., m].max()
        axes[row + 1].imshow(maps["conv1"][row, ..., m], cmap=style.HEAT, vmin=0, vmax=top)
for axis in panels.flat:
    style.no_ticks(axis)
display(figure)

# %% [markdown]
# Each map is bright where the photograph has the pattern of its kernel, and 0, by the ReLU, where
# it has nothing of it or the opposite.
#
# **What it cannot tell.** This works for the first layer only. A kernel of conv2 is a pattern of
# *maps*, not of pixels, and has no such picture. And a beautiful kernel need not matter: whether
# anything above uses its map is not in the picture.
#
# ## Strongest patches: what a deeper map answers to
#
# For deeper maps we turn the question round. We do not ask for the pattern, but show many
# pictures and look where a map answers most. A unit of conv2 depends on a square of the picture,
# its receptive field; those squares with the strongest responses of all 160 fields are drawn,
# strongest first, for six maps of conv2.

# %%
receptive = receptive_fields(network)
sizes = (f"{name} {field.size}" for name, field in receptive.items() if "conv" in name)
print("receptive fields:", ", ".join(sizes))

responses = maps["conv2"][len(shown) :]  # [160, H, W, maps]
pixels = data.centre_crop(fields, size)
chosen = np.linspace(0, responses.shape[-1] - 1, 6).astype(int)
rows, values = [], []
for m in chosen:
    places = responses[..., m].reshape(len(fields), -1)
    strongest = np.argsort(-places.max(1))[:8]
    patches = []
    for number in strongest:
        place = np.unravel_index(places[number].argmax(), responses.shape[1:3])
        down, across = (slice(*receptive["conv2"].clipped(int(unit), size)) for unit in place)
        patches.append(pixels[number, down, across])
    rows.append(patches)
    values.append(places[strongest].max(1).tolist())
display(patches_picture(rows, [f"map {m}" for m in chosen], "conv2 answers most to these", values))

# %% [markdown]
# Many rows have a common theme: a direction, a colour, a texture, a corner. Now it depends on
# more than one kernel could hold.
#
# **What it cannot tell.** A map can only answer to what it is shown. With ten photographs, the
# patches of a row often come from the same one, and the theme that we see may be an accident of
# the gallery. And the strongest responses are the exceptions: they do not say what a map does on
# an ordinary picture.
#
# The fields of deeper units soon cover the whole picture, as the sizes above show. Then a patch
# no longer says *where*. We need other tools.
#
# ## Three tools for one answer
#
# Now we ask about a single answer. Let $p_k$ be the probability of the class $k$ that the network
# chose, $z_k$ its logit, and $I$ the picture.
#
# **Occlusion** (Zeiler and Fergus, 2013). Cover a square around position $(i, j)$ with the mean
# colour and compute the probability again. Where it falls, the network needs what was covered:
#
# $$D_{ij} = p_k(I) - p_k\bigl(I \text{ covered at } (i, j)\bigr).$$
#
# **The gradient** $\partial z_k / \partial I$. For each pixel it says how much the logit changes
# if that pixel changes a little. It takes one backward pass instead of hundreds of forward
# passes.
#
# **The guided gradient** (Springenberg and others, 2014). Gradients of pixels are noisy. So the
# backward pass is changed: a ReLU passes a gradient only where its input was positive *and* the
# gradient is positive, too,
#
# $$\bar x = \bar y \; [x > 0] \; [\bar y > 0].$$
#
# This keeps the paths on which more of everything means more of the class. What comes out is no
# longer the derivative of anything.

# %%
photos = views[: len(shown)]
classes = jnp.asarray(probabilities.argmax(1), jnp.int32)
drops = []
for view, label, rows in zip(photos, classes, probabilities, strict=True):
    covered = occlusion_map(network, params, view, int(label), side=size // 4, stride=size // 14)
    drops.append(rows[label] - covered)
gradients = {
    name: np.asarray(class_gradients(network, params, photos, classes, guided))
    for name, guided in (("gradient", False), ("guided gradient", True))
}

figure = blank_figure(6, 6.1)
for row, axes in enumerate(figure.subplots(len(shown), 4)):
    axes[0].imshow(seen[row])
    axes[0].set_ylabel(model.class_names[classes[row]], fontsize=style.LABEL)
    largest = max(np.abs(drops[row]).max(), 0.05)
    axes[1].imshow(drops[row], cmap=style.DIVERGING, vmin=-largest, vmax=largest)
    axes[1].set_xlabel(f"red: drops by up to {drops[row].max():.2f}", fontsize=style.NOTE)
    axes[2].imshow(np.abs(gradients["gradient"][row]).max(-1), cmap=style.HEAT)
    guided = gradients["guided gradient"][row]
    axes[3].imshow(0.5 + 0.5 * guided / np.abs(guided).max())
    for axis, title in zip(axes, ("picture", "occlusion", *gradients), strict=True):
        style.no_ticks(axis)
        if row == 0:
            axis.set_title(title, fontsize=style.TITLE)
display(figure)

# %% [markdown]
# The guided gradients are the most beautiful: clean contours of the object. Occlusion is coarse,
# and the plain gradient is a cloud of dots. Which of them may we believe?
#
# ## A test
#
# If a picture is to explain why the network chose class $k$, it must depend on two things: on the
# class, and on what the network has learned. So we compute each gradient again,
#
# - for the class with the second largest logit instead of the first, and
# - for the first class, but with the weights of fc8 shuffled, which destroys all that the network
#   knows about classes,
#
# and correlate the sizes of the gradients with the original ones, pixel by pixel. An explanation
# should change, and the correlation be well below 1.

# %%
second = jnp.asarray(np.argsort(-probabilities)[:, 1], jnp.int32)
random = np.random.default_rng(0)
kernel = jnp.asarray(random.permuted(np.asarray(params["fc8"]["kernel"])))
shuffled = params | {"fc8": {"kernel": kernel, "bias": params["fc8"]["bias"]}}
print("correlation with     another class    shuffled fc8")
for name, guided in (("gradient", False), ("guided gradient", True)):
    line = f"{name:16}"
    for weights, labels_of in ((params, second), (shuffled, classes)):
        changed = np.asarray(class_gradients(network, weights, photos, labels_of, guided))
        pairs = zip(np.abs(gradients[name]), np.abs(changed), strict=True)
        line += f"{np.mean([np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in pairs]):16.2f}"
    print(line)

# %% [markdown]
# The guided gradient hardly notices. It shows where the lower layers find contours that they can
# answer to, and would show nearly the same for every other class and for a network that has
# forgotten its classes. It is a picture of the *picture*, not of the decision. Adebayo and others
# found this in 2018 for several such methods. The lesson is more general: an explanation that
# looks right has shown that it agrees with *our* idea of the object. Only a test shows that it
# depends on the network.
#
# **What the others cannot tell.** The gradient speaks of tiny changes of pixels, and no picture
# in the world differs from another by such a change. It passes the test better, but part of it,
# too, only follows contours. Occlusion asks an honest question and answers it, but about the
# square: too small a square leaves enough to see, too large a one covers everything. The covered
# picture is one that the network has never met in training. And if either of two parts is enough
# for the answer, covering one of them changes nothing, and both look unimportant.
#
# ## Neighbours: what is alike to the network
#
# The last hidden layer, fc7, describes a picture by a vector $h$ of features, from which fc8
# computes the logits. Two pictures are alike to the network if their vectors are near:
#
# $$d = |h(I_1) - h(I_2)|.$$
#
# The paper's figure 4 looks for neighbours in this way. We take the 160 fields. They do not
# overlap, so that two fields of one photograph have no pixel in common. For two of them we show
# the nearest others, by pixels and by fc7.

# %%
queries = np.array([37, 90])
rows, titles = [], []
for name, x in (("pixels", np.asarray(views)), ("fc7", maps["fc7"])):
    vectors = x[len(shown) :].reshape(len(fields), -1)
    near, _ = nearest(vectors, vectors, 5, leave_out=np.arange(len(vectors)))
    same = np.mean(labels[near] == labels[:, None])
    print(f"{name:7} {same:.0%} of the five neighbours are from the same photograph")
    rows += [[fields[query], *fields[near[query]]] for query in queries]
    titles += [f"by {name}"] * len(queries)
display(patches_picture(rows, titles, "a field, and its five nearest neighbours"))

# %% [markdown]
# By chance, 15 of the 159 others, 9 %, are from the same photograph. Pixels find more, where
# brightness and colour agree at each place. The features find many more, though nobody has told
# the network which fields belong together: they leave out where something lies in the picture and
# keep what it is made of.
#
# **What it cannot tell.** *Why* two pictures are near; a distance has no reasons. And near means
# alike in what was useful to tell the network's 200 classes apart. Differences that did not
# matter for them are lost, and a query always has a nearest neighbour, even if nothing in the
# gallery resembles it.
#
# ## What to use when
#
# | tool | answers | cannot tell |
# |---|---|---|
# | kernels | which pattern excites a map of conv1 | deeper layers; whether the map is used |
# | patches | what, of given pictures, excites a map most | ordinary responses; other pictures |
# | occlusion | what the answer needs | parts that replace each other; details below the square |
# | gradient | to which small changes the logit is sensitive | what real changes would do |
# | guided gradient | where the lower layers find contours | why this class |
# | neighbours | which pictures are alike in the features | why |
#
# ## Exercises
#
# **1.** Show that of all patches $p$ with $|p| = 1$ the product $\langle w, p \rangle$ is largest
# for $p = w / |w|$. Compare with many random patches.
#
# <details><summary>Solution</summary>
#
# By the inequality of Cauchy and Schwarz, $\langle w, p \rangle \le |w|\,|p| = |w|$, with
# equality for parallel vectors. Random patches are nowhere near: in hundreds of dimensions two
# random directions are almost at a right angle.
#
# ```python
# w = kernels[..., best[0]].ravel()
# patches = np.random.default_rng(0).normal(size=(10_000, w.size))
# products = patches @ w / np.linalg.norm(patches, axis=1) / np.linalg.norm(w)
# print("the kernel itself:", round(float(w @ w / np.linalg.norm(w) ** 2), 2))
# print("random patches stay below 0.4:", bool(products.max() < 0.4))
# ```
#
# ```text
# the kernel itself: 1.0
# random patches stay below 0.4: True
# ```
#
# </details>
#
# **2.** How does occlusion depend on the size of the square? Compute the largest drop of the
# first photograph for a square of half of its side, and compare it with the one above.
#
# <details><summary>Solution</summary>
#
# A larger square covers more and the drop mostly grows, but it says less about where. If the
# square is as large as the object, the map only says that the object matters.
#
# ```python
# covered = occlusion_map(
#     network, params, photos[0], int(classes[0]), side=size // 2, stride=size // 7
# )
# print(f"a quarter: {drops[0].max():.2f}, a half: {probabilities[0].max() - covered.min():.2f}")
# ```
#
# </details>
#
# **3.** The gradient has a use for which it is exact: it is the direction in which the smallest
# changes do most. Change each pixel by at most $\varepsilon$ grey levels, against the sign of the
# gradient of the chosen class. How does the probability of the class fall, and would you see the
# change?
#
# <details><summary>Solution</summary>
#
# A change of a few grey levels of 255, invisible to us, can turn the answer round. Goodfellow and
# others described this in 2014. Sensitivity to small changes is a property of the network that
# has little to do with what the picture shows.
#
# ```python
# border = (stored.shape[1] - size) // 2
# signs = np.zeros(stored.shape, np.int16)
# inner = slice(border, border + size)
# signs[:, inner, inner] = np.sign(gradients["gradient"])
# for epsilon in (0, 1, 2, 4, 8):
#     changed = np.clip(stored - epsilon * signs, 0, 255).astype(np.uint8)
#     left = model.probabilities(changed)[np.arange(len(shown)), classes]
#     print(f"epsilon {epsilon}: probability of the class {left.round(2)}")
# ```
#
# </details>
#
# **4.** From which layer on are fields of the same photograph near to each other? Repeat the
# comparison for the layers in `maps`.
#
# <details><summary>Solution</summary>
#
# Most of the gain comes early: what fields of one photograph share are colours and textures, and
# the first layers find them. For kinds of objects the later ones would matter more.
#
# ```python
# for name in ("pool1", "pool2", "conv5", "fc6", "fc7"):
#     vectors = maps[name][len(shown) :].reshape(len(fields), -1)
#     near, _ = nearest(vectors, vectors, 5, leave_out=np.arange(len(vectors)))
#     print(f"{name:6} {np.mean(labels[near] == labels[:, None]):.0%}")
# ```
#
# </details>
