"""Words that may mean a missing cell are proposed to the user where they are frequent among few categories."""

from pathlib import Path

import pytest

from pipelines.data.dataset import Dataset
from pipelines.sources.table.load import TableSettings, load_table
from tests.support.hostile_tables import ROW_COUNT, WORDS, csv_with_column


def read(folder: Path, cells: list[str], **settings: object) -> Dataset:
    path = folder / "t.csv"
    content = csv_with_column(cells)
    path.write_text(content)
    return load_table(TableSettings.model_validate({"kind": "table", "path": str(path), "target": "y", **settings}))


@pytest.mark.parametrize(
    ("cells", "settings"),
    [
        (WORDS, {}),
        (["unknown", *WORDS[1:]], {}),  # an accident
        (["unknown planet"] * 6 + WORDS[6:], {}),
        (["unknown"] * 6 + WORDS[6:], {"types": {"x": "text"}}),
        (["unknown"] * 6 + [f"word {n}" for n in range(ROW_COUNT - 6)], {"types": {"x": "text"}}),
    ],
)
def test_what_is_no_such_word_or_rare_or_no_category_is_not_proposed(
    tmp_path: Path, cells: list[str], settings: dict[str, object]
) -> None:
    assert not [one for one in read(tmp_path, cells, **settings).findings if one.check == "missing_words"]


def test_names_among_many_categories_are_not_proposed(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    names = ["Nil"] * 10 + [f"name {n}" for n in range(60)] * 3
    rows = "".join(f"{name},{'ab'[place % 2]}\n" for place, name in enumerate(names))
    path.write_text(f"x,y\n{rows}")
    data = load_table(TableSettings(kind="table", path=str(path), target="y", types=(("x", "category"),)))
    assert not [one for one in data.findings if one.check == "missing_words"]


def test_what_is_proposed_does_what_it_says(tmp_path: Path) -> None:
    before = read(tmp_path, ["?"] * 3 + ["unknown"] * 6 + WORDS[9:])
    after = read(tmp_path, ["?"] * 3 + ["unknown"] * 6 + WORDS[9:], missing=["?", "unknown"])
    assert "unknown" in before.schema.inputs[0].categories
    assert int((before.part.inputs[0] < 0).sum()) == 3
    assert "unknown" not in after.schema.inputs[0].categories
    assert int((after.part.inputs[0] < 0).sum()) == 9
    assert not [one for one in after.findings if one.check == "missing_words"]
