"""Text stems: TF-IDF vectors, or learned embeddings of the tokens: words, characters or subwords.

Shapes: N texts, B batch, T tokens of a text, V tokens of the vocabulary, E numbers per token.
"""

from typing import Any, final

import numpy as np
import torch
from torch import Tensor, nn

from models.stems.column import ColumnSpec, InputType
from models.stems.hashing import hash_features, own_features

PADDING_ID, UNKNOWN_ID = 0, 1  # token ids that stand for no token of the vocabulary
EMBEDDING_DIM = 32  # numbers per token
CHUNK_EXAMPLES = 4096  # texts counted at a time


@final
class TfidfStem(nn.Module):
    """TF-IDF vector of a text, of length 1.

    A token that occurs in n of N training texts has the weight log((1 + N) / (1 + n)) + 1; one that occurs k times in
    a text counts 1 + log k; the vector is divided by its length.

    Source: Sparck Jones, "A statistical interpretation of term specificity and its application in retrieval", Journal
    of Documentation 28, 1972.

    Args:
        width: features W, if these are fewer than the tokens: the commonest, which come first in a vocabulary, have one
            each, and the others share the rest by a hash.

    Attributes:
        input_shape: (V,), or (W,).
        weight: of every token of the vocabulary, (V,); or of every feature, (W,).
    """

    weight: Tensor
    feature: Tensor  # (V,), of each token, where they share some

    def __init__(self, columns: tuple[ColumnSpec, ...], input_type: InputType, width: int | None = None) -> None:
        super().__init__()
        (column,) = columns
        self.is_hashed = width is not None and width < column.cardinality
        features = column.cardinality if width is None or not self.is_hashed else width
        self.input_shape: tuple[int, ...] = (features,)
        self.register_buffer("weight", torch.ones(features))
        if self.is_hashed:
            tokens = np.arange(column.cardinality)
            feature = np.where(tokens < own_features(features), tokens, hash_features(tokens, features))
            self.register_buffer("feature", torch.from_numpy(feature), persistent=False)  # it follows from the widths

    def fit(self, arrays: tuple[np.ndarray[Any, Any], ...]) -> None:
        """Fit the weights: count the train part's texts that hold each one; token ids int64 (N, T)."""
        (token_ids,) = arrays
        document_frequency = np.zeros(len(self.weight), dtype=np.int64)
        for start in range(0, len(token_ids), CHUNK_EXAMPLES):
            block = token_ids[start : start + CHUNK_EXAMPLES]
            block = np.sort(self.feature.cpu().numpy()[block] if self.is_hashed else block, axis=1)
            first = np.ones(block.shape, dtype=bool)
            first[:, 1:] = block[:, 1:] != block[:, :-1]
            document_frequency += np.bincount(block[first], minlength=len(document_frequency))
        weight = np.log((1 + len(token_ids)) / (1 + document_frequency)) + 1
        weight[[PADDING_ID, UNKNOWN_ID]] = 0
        self.weight.copy_(torch.from_numpy(weight))

    def forward(self, text: Tensor) -> Tensor:
        if self.is_hashed:
            text = self.feature[text]
        counts = torch.zeros(text.shape[0], self.weight.shape[0], dtype=self.weight.dtype, device=text.device)
        counts = counts.scatter_add(1, text, torch.ones_like(text, dtype=self.weight.dtype))  # (B, V)
        x = torch.where(counts > 0, 1 + torch.log(counts.clamp(min=1)), counts) * self.weight
        length = x.square().sum(1, keepdim=True).clamp(min=1e-12).sqrt()
        return x / length


@final
class EmbeddingStem(nn.Module):
    """Embeddings of tokens, learned with the network, in the order of the text.

    Padding stands behind a text; here it is moved to the front, so that the last step is always a token, and the last
    feature of every step says whether it is one.

    Attributes:
        input_shape: (T, E + 1).
    """

    def __init__(self, columns: tuple[ColumnSpec, ...], input_type: InputType) -> None:
        super().__init__()
        (column,) = columns
        self.input_shape: tuple[int, ...] = (column.length, EMBEDDING_DIM + 1)
        self.embedding = nn.Embedding(column.cardinality, EMBEDDING_DIM)
        nn.init.normal_(self.embedding.weight, std=0.5)

    def fit(self, arrays: tuple[np.ndarray[Any, Any], ...]) -> None:
        """Nothing to fit: the embeddings are learned by gradient, with the network."""

    def forward(self, text: Tensor) -> Tensor:
        steps = text.shape[1]
        token_count = (text != PADDING_ID).to(torch.int64).sum(1, keepdim=True)  # (B, 1)
        position = torch.arange(steps, device=text.device) - (
            steps - token_count
        )  # (B, T): negative in front of the text
        present = (position >= 0).to(torch.float32).unsqueeze(2)  # (B, T, 1)
        left_padded = torch.gather(text, 1, position.clamp(min=0))
        return torch.cat([self.embedding(left_padded) * present, present], 2)
