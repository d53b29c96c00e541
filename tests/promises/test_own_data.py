"""From a file to a champion in two commands, in a project that holds nothing else; what goes wrong is said."""

import pytest

from tests.support.data_files import write_csv
from tests.support.project import SMALL_PARAMS, Project


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path_factory.mktemp("own") / "project"
    folder.mkdir()
    (folder / "files").mkdir()
    write_csv(folder / "files")
    return Project(folder, {**SMALL_PARAMS, "problems": {}, "contenders": {}})


def bakeoff(project: Project, *arguments: str) -> tuple[int, str]:
    ended = project.run_command("python", "-m", "pipelines.cli", *arguments)
    return ended.returncode, ended.stdout


def test_a_file_becomes_a_champion(project: Project) -> None:
    before = (project.folder / "params.yaml").read_bytes()
    code, printed = bakeoff(project, "add", "shop", "files/shop.csv", "--target", "sold", "--yes")
    assert code == 0, printed

    code, printed = bakeoff(project, "check", "shop", "--no-open")
    assert code == 0, printed
    page = project.folder / ".state/check/shop.html"
    assert str(page.relative_to(project.folder)) in printed
    assert "colour" in page.read_text()
    assert not (project.folder / "artifacts").exists(), "nothing was trained"

    code, printed = bakeoff(project, "run", "shop")
    assert code == 0, printed
    assert "majority class (baseline)" in printed
    assert "`bakeoff serve`" in printed.splitlines()[-1]
    assert (project.folder / "artifacts/shop/package/shop.mar").exists()

    lines = (project.folder / "files/shop.csv").read_text().splitlines()
    (project.folder / "files/shop.csv").write_text("\n".join([*lines, "Z-1,0.5,blue,1", "Z-2,0.5,blue,0", ""]))
    code, printed = bakeoff(project, "check", "shop", "--no-open")
    assert code == 0, printed
    assert "2 examples came: from 120 to 122." in printed
    assert "Categories of colour since the split before: new: blue." in printed
    assert "2 examples came" in page.read_text()

    (project.folder / "files/shop.csv").write_text("code,size\n1,2\n")
    code, printed = bakeoff(project, "check", "shop", "--no-open")
    assert code == 1
    assert "target: there is no column 'sold'; the columns are code, size" in printed

    assert bakeoff(project, "remove", "shop")[0] == 0
    assert (project.folder / "params.yaml").read_bytes() == before
