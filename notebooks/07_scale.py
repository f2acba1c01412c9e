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
# # 7. How long, and on what: the cost of a training step
#
# In 2012 the paper's network trained for five to six days on two graphics cards. **How long would
# it take on one chip of today, on eight, or on a thousand? And what can be said about it without
# owning them?**
#
# More than one would think. The operations, the bytes and the traffic of a training step follow
# from the table of layers, by formulas that fit on a page. Times then need rates of a machine,
# and there we have to assume. *Nothing in this lecture is measured*: where a time is printed, it
# is an estimate, and the text says from what.
#
# *To run this notebook:* install the package once, from the root of its repository, with
# `pip install '.[notebooks]'`.

# %%
# %matplotlib inline
import math

import numpy as np
from IPython.display import display

import alexnet_jax
from alexnet_jax.compiling import CHIPS
from alexnet_jax.display import blank_figure, style
from alexnet_jax.network import rows
from alexnet_jax.planning import (
    LINKS,
    Machine,
    efficiency_picture,
    format_scaling,
    layout,
    operations,
    predict_scaling,
    transfers,
    update_bytes,
)

# %% [markdown]
# ## Operations
#
# Forward, a layer with weights needs a number of multiply-adds that the table gives. Backward it
# needs as many twice: once for the gradient of its weights, once for the gradient of its input.
# The first layer needs only the former, since nobody asks for the gradient of the image. A
# multiply-add counts as two operations. With $M$ for the multiply-adds of the whole network,
#
# $$\text{operations for an image} = 2\,(3M - M_\text{conv1}).$$
#
# Normalization, pooling and the update have few operations and are left out here. They return
# below, where bytes count.

# %%
network = alexnet_jax.architecture("paper")
macs = {row.name: row.macs for row in rows(network) if row.macs}
for_an_image = 2 * (3 * sum(macs.values()) - macs["conv1"])
print(f"an image: {for_an_image / 1e9:.2f} billion operations by hand")
alone = layout("one_device", network, 1)
print(f"          {operations(network, alone, 1) / 1e9:.2f} as the package counts")

# %% [markdown]
# Now we can ask what the authors' cards did. The paper says: about 90 passes over 1.2 million
# images, in five to six days, on two GTX 580. Such a card has 512 units that complete a
# multiply-add in each cycle of 1.544 GHz, which is its *peak*, a rate that no real program
# reaches.

# %%
whole = for_an_image * 1.2e6 * 90
peak_2012 = 2 * 512 * 1.544e9  # of one card, operations/s
reached = whole / (5.5 * 24 * 3600)
print(f"the whole training: {whole:.1e} operations")
print(f"reached: {reached / 1e12:.2f} trillion operations/s")
print(
    f"peak of two cards: {2 * peak_2012 / 1e12:.2f} trillion; share {reached / (2 * peak_2012):.0%}"
)

# %% [markdown]
# About 30 % of the peak, with everything that happens in between: images read, results written.
# For hand-written code of 2012 that is good. The share of the peak is the number to watch; the
# rest of this lecture is about what keeps it below 1.
#
# ## Bytes: the roofline
#
# A device computes fast and reads slowly. If a layer needs $F$ operations and must move $Q$ bytes
# between memory and the units that compute, then it takes at least
#
# $$t \ge \max\left(\frac{F}{\text{peak}},\; \frac{Q}{\text{bandwidth}}\right).$$
#
# The quotient $I = F / Q$ is the layer's *intensity*, in operations a byte. Divide $F$ by the
# bound and you get the rate at which the layer can run at most,
# $\min(\text{peak},\; I \cdot \text{bandwidth})$. Over $I$ this is a slope that ends in a flat
# roof, the *roofline*. Layers under the slope wait for memory.
#
# What is the least number of bytes? Let a layer read $x$ values, write $y$ and have $w$
# parameters. Forward it reads $x$ and $w$ and writes $y$. Backward it reads $x$, $w$ and the
# gradient of $y$, and writes the gradients of $x$ and $w$. Parameters move once for a whole
# batch, activations once for every image:
#
# $$Q = 4\,\bigl(B\,(3x + 2y) + 3w\bigr) \text{ bytes in float32.}$$
#
# With many images to a batch the weights are read for all of them together. This is why batches
# help.

# %%
chips = {
    "GTX 580": (peak_2012, 192.4e9, 3e9),  # operations/s, bytes/s, bytes of memory
}
for name in ("v5e", "h100"):
    chips[name] = CHIPS[name].float32, CHIPS[name].bandwidth, CHIPS[name].memory
work, moved = {}, {}  # for each layer, by batch: operations and bytes of a step
for batch in (1, 128):
    for placed in network.placed():
        name = placed.layer.name, batch
        x, y = math.prod(placed.input), math.prod(placed.output)
        times, inputs = (2, 2) if placed.layer.name == "conv1" else (3, 3)
        work[name] = 2 * times * batch * placed.macs
        moved[name] = 4 * (batch * (inputs * x + 2 * y) + 3 * placed.parameters)

head = f"{'128 images':10} {'operations':>11} {'megabytes':>11} {'intensity':>10}   at least, ms:"
print(head + "".join(f"{name:>9}" for name in chips))
for (name, batch), count in work.items():
    if batch == 128 and not name.startswith("dropout"):
        size = moved[name, batch]
        least = [1000 * max(count / peak, size / width) for peak, width, _ in chips.values()]
        counted = f"{name:10} {count / 1e9:9.1f} G {size / 1e6:11.1f} {count / size:10.1f}"
        print(counted + " " * 16 + "".join(f"{ms:9.3f}" for ms in least))

# %% [markdown]
# Two kinds of layers appear. Convolutions have intensities of hundreds: every weight is used at
# each position. Normalization and pooling have next to none, and what they cost is the way to
# memory and back. The chips' figures are their makers' (for products of float32 arrays, which on
# these chips are first rounded to fewer digits); those of the 2012 card follow from its clock
# rates.

# %%
figure = blank_figure(8.4, 3.9)
axis = figure.subplots()
intensities = np.logspace(-1, 3.3, 200)
for (name, (peak, width, _)), colour in zip(chips.items(), style.SERIES, strict=False):
    axis.loglog(intensities, np.minimum(peak, intensities * width) / 1e12, color=colour, label=name)
peak, width, _ = chips["h100"]
for batch, filled in ((1, "none"), (128, style.GREEN)):
    points = [(work[name, batch] / moved[name, batch], name) for name in macs]
    rates = [min(peak, intensity * width) / 1e12 for intensity, _ in points]
    axis.plot(
        [i for i, _ in points],
        rates,
        "o",
        color=style.GREEN,
        markerfacecolor=filled,
        label=f"layers, batch {batch}, on h100",
    )
    for (intensity, name), rate in zip(points, rates, strict=True):
        if name in (("conv2", "fc6") if batch == 1 else ("conv1", "conv3", "fc6")):
            place = {"xytext": (0, 7 if batch == 128 else -14), "textcoords": "offset points"}
            axis.annotate(name, (intensity, rate), fontsize=style.NOTE, ha="center", **place)
axis.set(xlabel="operations a byte", ylabel="trillion operations/s, at most", ylim=(0.01, 2000))
axis.legend(loc="lower right", frameon=False, fontsize=style.NOTE)
style.open_frame(axis, grid=True)
display(figure)

# %% [markdown]
# A dense layer with one image does one multiply-add for each weight that it loads: half an
# operation a byte, far down the slope. With 128 images it climbs, but on a fast chip it still
# does not reach the roof. The faster the chip, the larger the batch that it needs: from 2012 to
# today peaks have grown a few hundred times, bandwidths less than twenty.
#
# The sum over the layers, with the update of the weights, bounds the whole step from below.

# %%
bound = {}
print("a step of 128 images, at least:")
for name, (peak, width, _) in chips.items():
    layers = sum(max(work[k] / peak, moved[k] / width) for k in work if k[1] == 128)
    update = update_bytes(network, alone) / width
    ideal = 128 * for_an_image / peak
    bound[name] = layers + update
    print(f"{name:8} {1000 * bound[name]:7.1f} ms; its operations alone {1000 * ideal:6.1f} ms")

# %% [markdown]
# On the card of 2012 memory hardly mattered: computing took nearly all of the time. On a chip of
# today the bound is several times the time of the operations. A program can get below it only by
# keeping arrays inside the chip from one layer to the next, which is what compilers do when they
# *fuse* layers.
#
# ## Memory
#
# Notebook 3 counted what a training holds: weights, gradients and velocity, and the output of
# each layer with its gradient, for each image. So the largest batch is
#
# $$B_\max = \frac{\text{memory} - 12\,P}{8\,A}$$
#
# with $P$ parameters and $A$ outputs an image. It is an estimate, too: compilers throw away and
# recompute, and need space of their own.

# %%
parameters = sum(row.parameters for row in rows(network))
outputs = sum(row.activations for row in rows(network))
for name, (_, _, memory) in chips.items():
    largest = (memory - 12 * parameters) / (8 * outputs)
    print(f"{name:8} {memory / 1e9:6.1f} GB: about {largest:,.0f} images")

# %% [markdown]
# By this count even a card of 2012 had room for 128 images, but not for a network much larger.
# Today memory is no reason to use several devices for this network. Time is.
#
# ## Three ways to divide a step
#
# With $g$ devices, each could take
#
# - **data**: a part of the images and a copy of all the weights. Each step the gradients of all
#   weights are summed over the devices. In the usual ring, each device sends
#   $2\,\frac{g-1}{g} \cdot 4P$ bytes: whatever the batch, and for many devices nearly 8 bytes a
#   parameter, 488 MB.
# - **towers**: two devices share the maps (notebook 3) and send activations. That grows with the
#   images, and not with the weights. For more devices, pairs of towers divide the images:
#   `data_towers`.
# - **hybrid**: convolutions by images, dense layers by units. Krizhevsky proposed it in 2014,
#   because convolutions have 4 % of the weights and 92 % of the work. The gradients of the dense
#   layers stay where they are; their inputs travel instead, to all devices.

# %%
figure = blank_figure(9.4, 3.4, wspace=0.06)
left, right = figure.subplots(1, 2)
per_device = 2 ** np.arange(3, 12)
counts = 2 ** np.arange(1, 11)
for name in ("data", "data_towers", "hybrid"):
    colour = style.TOPOLOGIES[name]
    sent = [transfers(network, layout(name, network, 2), 2 * int(b)) for b in per_device]
    left.loglog(
        per_device,
        [sum(one.bytes_per_step for one in s) / 2e6 for s in sent],
        color=colour,
        label=name,
    )
    sent = [transfers(network, layout(name, network, int(g)), 128 * int(g)) for g in counts]
    totals = [sum(one.bytes_per_step for one in s) for s in sent]
    right.loglog(counts, np.array(totals) / counts / 1e6, color=colour, label=name)
left.set(
    title="two devices",
    xlabel="images on each device",
    ylabel="MB that each device sends in a step",
)
right.set(title="128 images on each device", xlabel="devices")
for axis in (left, right):
    axis.title.set_fontsize(style.TITLE)
    axis.legend(frameon=False, fontsize=style.NOTE)
    style.open_frame(axis, grid=True)
display(figure)

# %% [markdown]
# No way is best everywhere. On two devices with few images anything beats `data`, which pays for
# 61 million gradients even if there is one image. With a thousand images or more `data` wins,
# since its traffic does not grow. At a hundred images, `hybrid` sends least on few devices; but
# its dense inputs go to everybody, so that its traffic grows with the number of devices. With
# hundreds of them it is the worst.
#
# ## Time
#
# To turn bytes into time we need a machine. We assume one: each device computes at 30 % of the
# peak of an H100, as the authors' cards did of theirs, and sends over a link of 400 Gb/s. An
# exchange also takes some microseconds for each of its steps. A program may overlap computing and
# exchange fully, or not at all; the truth lies in between, so there are two bounds.

# %%
h100 = CHIPS["h100"]
machine = Machine(
    flops=0.3 * h100.float32,
    memory=h100.bandwidth,
    bandwidth=LINKS["ndr400"].bandwidth,
    latency=5e-6,
)
predicted = {
    name: predict_scaling("weak", name, network, [1, *counts.tolist()], 128, machine)[0]
    for name in ("data", "data_towers", "hybrid")
}
print(format_scaling([row for row in predicted["data"] if row.step.devices in (1, 2, 8, 64, 1024)]))
display(
    efficiency_picture(
        [row for table in predicted.values() for row in table],
        {"weak": "128 images on each device"},
        "estimated efficiency on more and more devices",
    )
)

# %% [markdown]
# *Weak scaling* gives each new device its own 128 images. Its *efficiency* is the rate divided by
# that of as many devices which never had to talk. It can exceed 100 %, because devices that
# divide the weights also divide their update.
#
# Where even a dashed line is below 100 %, the exchange takes longer than the computing, and
# hiding it does not help. `data` is there from two devices on: the sum of 244 MB of gradients
# over this link takes 5 ms, the computing 4. A faster link or a larger batch on each device would
# mend it.
#
# With a thousand devices the lines fall further. In a ring the latency adds up: $2(g-1)$ steps of
# 5 µs are 10 ms for 1,024 devices, longer than the computing itself. Other algorithms take
# $\log_2 g$ steps.
#
# ## How long is a training?
#
# For one device the share of the peak decides, and it is the least certain number here. Published
# trainings of this network reached between a tenth and four fifths of the peak of their machines.
# So we print a range: from the bound of the roofline to a tenth of the peak.

# %%
images = 90 * 1_281_167
print("90 epochs on one device, estimated")
for name, (peak, _, _) in chips.items():
    hours = [images / 128 * bound[name] / 3600, images * for_an_image / (0.1 * peak) / 3600]
    print(f"{name:8} {hours[0]:6.1f} to {hours[1]:6.1f} hours")
print("90 epochs on the assumed machine, data_towers, estimated")
for row in predicted["data_towers"]:
    if row.step.devices in (2, 8, 64, 512):
        apart, hidden = (images / rate / 60 for rate in row.images_per_second)
        step = f"{row.step.devices:5} devices, batch {row.step.batch:6,}"
        print(f"{step}: {hidden:6.2f} to {apart:6.2f} minutes")

# %% [markdown]
# Days have become hours on one chip, and minutes on many, on paper. Three things that the
# formulas do not see stand in the way:
#
# - **The input.** One chip at such a rate wants tens of thousands of images a second. To decode
#   that many JPEG files takes far more processors than stand beside it. The images must lie
#   ready, decoded and small.
# - **The batch.** Weak scaling makes the batch larger: 65,536 images on 512 devices are 20 steps
#   an epoch, where the paper made 10,009. Fewer steps must each go further, and beyond some
#   thousands of images accuracy suffers unless the recipe changes. A fast step is not yet a fast
#   training.
# - **The last percent.** Saving, evaluation, and one slow device that all others wait for.
#
# On real devices the same commands run with `--topology data` (or another) and one process a
# host; the page on devices of the documentation says how, and `alexnet-jax scaling` prints these
# tables for other assumptions.
#
# ## Exercises
#
# **1.** Two devices share a batch of $B$ images. Above which $B$ do two towers send more than
# `data`? Notebook 3 found 76,188 values for an image and tower, both ways.
#
# <details><summary>Solution</summary>
#
# Each device sends $4 B \cdot 76{,}188$ bytes as a tower, and $2 \cdot \frac12 \cdot 4P$ bytes
# with `data`. They are equal at $B = P / 76{,}188$, about 800 images. The authors' 128 were far
# below.
#
# ```python
# print(f"{parameters / 76_188:.0f}")
# for batch in (798, 802):
#     sent = [
#         sum(one.bytes_per_step for one in transfers(network, layout(name, network, 2), batch))
#         for name in ("two_towers", "data")
#     ]
#     print(batch, "towers send more" if sent[0] > sent[1] else "data sends more")
# ```
#
# ```text
# 800
# 798 data sends more
# 802 towers send more
# ```
#
# </details>
#
# **2.** From which batch on is fc6 limited by computing, on an H100 and on a GTX 580? Estimate it
# first, with the weights alone: three passes over $w$ weights and $6Bw$ operations.
#
# <details><summary>Solution</summary>
#
# With the weights alone $I = 6Bw/(12w) = B/2$, so $B = 2 \cdot \text{peak}/\text{bandwidth}$:
# about 295 and 16. The activations make it a little more.
#
# ```python
# x, y = 9216, 4096
# for name in ("h100", "GTX 580"):
#     peak, width, _ = chips[name]
#     batch = np.arange(1, 2000)
#     intensity = 6 * batch * x * y / (4 * (batch * (3 * x + 2 * y) + 3 * (x + 1) * y))
#     print(name, batch[np.argmax(intensity >= peak / width)])
# ```
#
# ```text
# h100 326
# GTX 580 17
# ```
#
# </details>
#
# **3.** Activations in bfloat16 take 2 bytes, gradients of the weights stay float32. What does
# that change of the traffic of `data`, and of two towers?
#
# <details><summary>Solution</summary>
#
# `data` sends only gradients of weights, and nothing changes. Towers send only activations and
# their gradients, so that half of the bytes remain.
#
# ```python
# for name in ("data", "two_towers"):
#     plan = layout(name, network, 2)
#     sizes = [sum(one.bytes_per_step for one in transfers(network, plan, 128, n)) for n in (4, 2)]
#     print(f"{name}: {sizes[0] / 1e6:.0f} MB, {sizes[1] / 1e6:.0f} MB")
# ```
#
# ```text
# data: 488 MB, 488 MB
# two_towers: 78 MB, 39 MB
# ```
#
# </details>
#
# **4.** *Strong scaling* keeps the paper's batch of 128 and divides it among ever more devices.
# Predict what happens with `data`, then compute it.
#
# <details><summary>Solution</summary>
#
# Computing shrinks with every device, the exchange does not. Soon the step is all exchange, and
# more devices make it slower. Besides, the model flatters: with two images to a device the layers
# are down the slope of the roofline, where 30 % of the peak is out of reach.
#
# ```python
# strong, _ = predict_scaling("strong", "data", network, [1, 2, 8, 64], 128, machine)
# for row in strong:
#     low, high = row.efficiency
#     print(f"{row.step.devices:3} devices: {low:.0%} to {high:.0%}")
# ```
#
# </details>
