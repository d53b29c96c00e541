"""Texts are cut into words where these repeat, else into subwords."""

import random

import pytest

from pipelines.data.text import to_bytes
from pipelines.proposals.tokens import MIN_TEXTS, propose_tokens

DRAWN = random.Random(0)
WORDS = ["offer", "win", "prize", "home", "late", "lunch", "train", "call"]
NAMES = ["".join(DRAWN.choices("abcdefghijklm", k=8)) for _ in range(MIN_TEXTS)]


@pytest.mark.parametrize(
    ("texts", "tokens"),
    [
        ([" ".join(DRAWN.choices(WORDS, k=7)) for _ in range(MIN_TEXTS)], "words"),
        (NAMES, "subwords"),
        (["".join(DRAWN.choices("春夏秋冬山川雨雪", k=9)) for _ in range(MIN_TEXTS)], "subwords"),
        ([f"see {name}: {name}" for name in NAMES], "subwords"),
        (NAMES[:-1], "words"),
    ],
    ids=["prose", "names", "no spaces", "names in between", "too few to tell"],
)
def test_what_texts_are_cut_into(texts: list[str], tokens: str) -> None:
    found, reason = propose_tokens(to_bytes(texts, 100))
    assert found == tokens
    assert ("stand nowhere in the other half" in reason) == (tokens == "subwords")
