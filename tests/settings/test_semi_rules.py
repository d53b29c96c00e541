"""`semi` and `unlabelled: keep`: what is refused before anything is read."""

from typing import Any

import pytest

from pipelines.runtime.user_error import UserError
from pipelines.settings.jobs import check_params
from pipelines.settings.params import Params
from pipelines.training.contender_settings import SEMI_TASKS

TABLE = {"kind": "table", "path": "a.csv", "target": "y"}
KEEPING = {**TABLE, "unlabelled": "keep"}


def check(source: dict[str, Any], task: Any = "classification", **entry: Any) -> None:
    problem = {"task": task, "source": source, "split": {"by": "random"}}
    contender = {"problem": "shop", "architecture": "mlp", **entry}
    check_params(Params.model_validate({"seed": 1, "problems": {"shop": problem}, "contenders": {"x": contender}}))


@pytest.mark.parametrize(("source", "task", "entry", "message"), [
    (TABLE, "classification", {"fix": {"semi": "pretrain"}},
     "contenders.x.fix.semi: pretrain learns from rows without a label, and problems.shop.source keeps none; write"),
    (TABLE, "classification", {"search": {"semi": ["none", "pseudo_label"]}},
     "contenders.x.search.semi: pseudo_label learns from rows without a label, and problems.shop.source keeps none"),
    (KEEPING, "regression", {"fix": {"semi": "pseudo_label"}},
     "contenders.x.fix.semi: pseudo_label is for classification, found regression; leave it out"),
    ({"kind": "sklearn", "dataset": "digits"}, "classification", {"fix": {"semi": "pretrain"}},
     "a source of kind sklearn has none: every row of these data sets has a target; leave it out"),
    (KEEPING, {"kind": "anomaly_detection", "normal": "no"}, {"architecture": "autoencoder"},
     "problems.shop.source.unlabelled: keep is for contenders with `semi`, which is for classification, regression, "
     "segmentation; a problem of anomaly detection has no use for such rows"),
])  # fmt: skip
def test_what_has_no_meaning_is_refused_with_its_path(
    source: dict[str, Any], task: Any, entry: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=f"params.yaml: .*{message}"):
        check(source, task, **entry)


@pytest.mark.parametrize("semi", SEMI_TASKS)
def test_what_is_kept_may_be_learned_from(semi: str) -> None:
    check(KEEPING, fix={"semi": semi})
    check(KEEPING, search={"semi": ["none", semi]})
    check(KEEPING)
    check(TABLE, fix={"semi": "none"})
    check(KEEPING, architecture="gradient_boosting")
