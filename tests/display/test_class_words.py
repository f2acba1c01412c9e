"""ImageNet's classes have names in words."""

from __future__ import annotations

from alexnet_jax.display import in_words, words_by_synset

# Labels that are told everywhere, from all parts of the list.
KNOWN = {
    0: "tench", 1: "goldfish", 134: "crane bird", 207: "golden retriever", 235: "german shepherd",
    264: "cardigan welsh corgi", 281: "tabby", 388: "giant panda", 474: "cardigan", 517: "crane",
    638: "maillot", 639: "tank suit", 836: "sunglass", 837: "sunglasses", 954: "banana",
    963: "pizza", 999: "toilet tissue",
}  # fmt: skip


def test_a_thousand_different_names() -> None:
    """In the order of the synsets, in lower case; tests/data/test_ilsvrc.py has the synsets."""
    synsets, words = tuple(words_by_synset()), tuple(words_by_synset().values())
    assert len(set(synsets)) == len(set(words)) == 1000
    assert list(synsets) == sorted(synsets)
    assert {index: words[index] for index in KNOWN} == KNOWN
    for word in words:
        assert word == word.lower().strip(), word
        assert word.isascii(), word
        assert word.replace(" ", "").replace("-", "").replace("'", "").isalpha(), word
    assert in_words(synsets) == words


def test_other_names_stay() -> None:
    assert in_words(("cat", "n02123045", "n99999999", "7", "")) == (
        "cat", "tabby", "n99999999", "7", "",
    )  # fmt: skip
    assert in_words(["class 0", "nine"]) == ("class 0", "nine")
