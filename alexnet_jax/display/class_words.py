"""ImageNet's thousand classes of 2012: their synsets, and names in words.

`imagenet_words.txt` beside this file has a line for each class, its synset and its name, in the
order of the synsets, which is that of the labels. The name is the first one that the synset has in
WordNet, in lower case. Where two classes share it, one has another of its names, so that the
thousand differ: "crane bird" beside "crane", "tank suit" beside "maillot", "cardigan welsh corgi"
beside "cardigan".

Source: the synset lists of ILSVRC 2012.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path

_FILE = Path(__file__).with_name("imagenet_words.txt")


@functools.cache
def words_by_synset() -> Mapping[str, str]:
    """Return the names of the 1,000 classes by synset, such as "n01440764", in label order."""
    lines = _FILE.read_text(encoding="utf-8").splitlines()
    return {synset: word for synset, _, word in (line.partition(" ") for line in lines)}


def in_words(class_names: Sequence[str]) -> tuple[str, ...]:
    """Return class names, those that are ImageNet's synsets in words: "tench" for "n01440764"."""
    if not any(name[:1] == "n" and name[1:].isdecimal() for name in class_names):
        return tuple(class_names)
    words = words_by_synset()
    return tuple(words.get(name, name) for name in class_names)
