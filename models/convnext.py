"""ConvNeXt: a residual network modernised step by step until it looks like a transformer, yet only convolves.

The image is cut into patches. A block mixes places with one large filter per map (7x7, depthwise), then mixes maps with
two dense layers at every place, wide in the middle, with one normalisation and one GELU; a learned scale per map lets
every block begin as almost nothing.

Liu, Mao, Wu, Feichtenhofer, Darrell & Xie, "A ConvNet for the 2020s", 2022. https://arxiv.org/abs/2201.03545

With depth 18, width 1, an image of 3x224x224 and 1000 classes it is the paper's ConvNeXt-T: 28,589,128 weights. Depth
36 is its ConvNeXt-S, and with a width of 2 its ConvNeXt-L.
NOTE[DIFF] smaller images: patches of 4x4 become 2x2 or single pixels, and halvings are left out, by the rule of
    models/blocks/scaling.py, the earliest first; a layer between stages that does not halve is a 1x1 convolution.
NOTE[DIFF] depths of 6 and 12, in the proportions of T's stages (12 are those of ConvNeXt V2's smallest, Woo et al.
    2023, https://arxiv.org/abs/2301.00808); width is a factor on all maps and a quarter by default.
NOTE[DIFF] the learned scales start at 0.1, in the paper at 1e-6, which takes the thousands of steps of its training to
    grow; stochastic depth, in the paper 0.1 for T, is 0 unless it is chosen.

When to choose it: many images, a graphics card, and long training with strong augmentation: then it is the best of
these convolutional networks. With few images `resnet` learns faster.

Initial weights: the paper's: a normal of deviation 0.02, cut off at 2; biases 0.

Shapes: B batch, C channels, H height, W width, O outputs, M maps.
"""

from itertools import pairwise
from typing import final

import torch
import torch.nn.functional as F
from pydantic import field_validator
from torch import Tensor, nn

from models.blocks.hyperparameters import Hyperparameters, choice, tunable
from models.blocks.scaling import check_option, kept_strides, scaled_maps

MAPS = (96, 192, 384, 768)  # of the four stages
STRIDES = (4, 2, 2, 2)  # before each stage
EXPANSION = 4  # units in the middle of a block / maps
FIRST_SCALE = 0.1  # of what a block adds
DEPTHS = {6: (1, 1, 3, 1), 12: (2, 2, 6, 2), 18: (3, 3, 9, 3), 36: (3, 3, 27, 3)}  # blocks -> blocks of each stage


class Config(Hyperparameters):
    depth: int = choice(6, 6, 12, 18)  # blocks: 6, 12, 18 or 36
    width: float = tunable(0.25, 0.0625, 1.0, log=True, gt=0)  # multiple of the maps of ConvNeXt-T
    stochastic_depth: float = tunable(0.0, 0.0, 0.5, ge=0, lt=1)  # probability of skipping the last block, for a row

    @field_validator("depth")
    @classmethod
    def _check_depth(cls, depth: int) -> int:
        return check_option(depth, DEPTHS)


@final
class MapNorm(nn.LayerNorm):
    """Layer normalisation of every pixel over its maps; (B, M, H, W) -> (B, M, H, W)."""

    def __init__(self, maps: int) -> None:
        super().__init__(maps, eps=1e-6)

    def forward(self, input: Tensor) -> Tensor:
        normalised: Tensor = super().forward(input.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return normalised


@final
class ConvNeXtBlock(nn.Module):
    """x + scale * layers(x); (B, M, H, W) -> (B, M, H, W)."""

    def __init__(self, maps: int, skip_probability: float) -> None:
        super().__init__()
        self.spatial = nn.Conv2d(maps, maps, 7, padding=3, groups=maps)
        self.pointwise = nn.Sequential(
            nn.LayerNorm(maps, eps=1e-6),
            nn.Linear(maps, EXPANSION * maps),
            nn.GELU(),
            nn.Linear(EXPANSION * maps, maps),
        )
        self.scale = nn.Parameter(torch.full((maps,), FIRST_SCALE))
        self.skip_probability = skip_probability

    def forward(self, x: Tensor) -> Tensor:
        added = self.scale * self.pointwise(self.spatial(x).permute(0, 2, 3, 1))  # (B, H, W, M)
        added = added.permute(0, 3, 1, 2)
        if self.training and self.skip_probability > 0:  # Huang et al. 2016, https://arxiv.org/abs/1603.09382
            kept = F.dropout(added.new_ones(len(x), 1, 1, 1), self.skip_probability)  # 0, or 1 over the share kept
            added = kept * added
        combined: Tensor = x + added
        return combined


@final
class ConvNeXt(nn.Module):
    """(B, C, H, W) -> (B, O)."""

    def __init__(self, config: Config, input_shape: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        channels, height, width = input_shape
        strides = kept_strides("convnext", height, width, STRIDES)
        maps = [scaled_maps(count, config.width) for count in MAPS]
        counts = DEPTHS[config.depth]
        skip_probabilities = iter(torch.linspace(0, config.stochastic_depth, config.depth, device="cpu").tolist())
        layers: list[nn.Module] = []
        for (fan_in, fan_out), stride, count in zip(pairwise([channels, *maps]), strides, counts, strict=True):
            patches = nn.Conv2d(fan_in, fan_out, stride, stride)
            layers += [MapNorm(fan_in), patches] if layers else [patches, MapNorm(fan_out)]
            layers += [ConvNeXtBlock(fan_out, next(skip_probabilities)) for _ in range(count)]
        self.features = nn.Sequential(*layers)
        self.normalisation = nn.LayerNorm(maps[-1], eps=1e-6)
        self.head = nn.Linear(maps[-1], outputs)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                assert module.bias is not None
                nn.init.trunc_normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        means = self.features(x).mean((2, 3))  # (B, M)
        scores: Tensor = self.head(self.normalisation(means))
        return scores
