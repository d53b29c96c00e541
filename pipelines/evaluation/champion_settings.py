"""Champion settings: the `champion:` block of params.yaml."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

ChampionRule = Literal["noninferior", "best", "one_se", "tied"]  # keys of evaluation.champion.RULES
CostMeasure = Literal["parameters", "flops", "bytes"]  # fields of models.blocks.cost.Cost


class ChampionSettings(BaseModel):
    """Which contender ships."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    rule: ChampionRule = "noninferior"
    margin: float = Field(default=0.05, ge=0, le=1)  # share of the best's gain over the best baseline
    cost: CostMeasure = "parameters"  # what is cheap
