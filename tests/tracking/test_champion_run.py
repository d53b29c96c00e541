"""MLflow says of a champion why it ships, or that it should not."""

from pathlib import Path

from pipelines.runtime.files import write_json
from pipelines.settings import paths
from pipelines.tracking import sync
from pipelines.tracking.champion_run import CHAMPION_TAG
from pipelines.tracking.registry import SHIP_TAG, STABILITY_TAG
from pipelines.tracking.store import open_store
from tests.support.small_project import make_contender, run_tracking, search_runs


def test_a_champion_that_should_not_ship_says_so_with_its_version_its_model_and_its_run(project: Path) -> None:
    assert run_tracking() == 0
    make_contender(project, "digits-mlp", "mlp", ship=False)
    assert run_tracking() == 0
    with open_store(sync.STORE_LOCK) as store:
        version = store.client.get_model_version_by_alias("digits", "champion")
        model = store.client.get_registered_model("digits")
        tags = {run.info.run_name: run.data.tags for run in search_runs(store) if CHAMPION_TAG in run.data.tags}
    assert (version.tags[SHIP_TAG], tags["digits-mlp"][SHIP_TAG]) == ("false", "false")
    for text in (version.description, model.description, tags["digits-mlp"]["mlflow.note.content"]):
        assert text.endswith("DO NOT SHIP. digits-mlp leads.")


def test_the_run_of_the_champion_says_how_stable_the_choice_is(project: Path) -> None:
    write_json(project / paths.compare_folder("digits") / "champion.json", {"stability": 0.8325})
    assert run_tracking() == 0
    with open_store(sync.STORE_LOCK) as store:
        tags = [run.info.run_name for run in search_runs(store) if run.data.tags.get(STABILITY_TAG) == "0.8325"]
    assert tags == ["digits-mlp"]


def test_only_the_run_of_the_champion_is_described_as_one(project: Path) -> None:
    assert run_tracking() == 0
    first = marked_runs()
    assert list(first) == ["digits-mlp"]
    assert first["digits-mlp"].endswith("**Champion.** digits-mlp leads.")
    make_contender(project, "digits-logistic_regression", "logistic_regression")
    assert run_tracking() == 0
    assert list(marked_runs()) == ["digits-logistic_regression"]
    assert run_tracking() == 0, "and again, with nothing new"
    assert list(marked_runs()) == ["digits-logistic_regression"]


def marked_runs() -> dict[str, str]:
    """The descriptions of the runs that say a word of the champion, by name."""
    with open_store(sync.STORE_LOCK) as store:
        notes = {run.info.run_name: run.data.tags.get("mlflow.note.content", "") for run in search_runs(store)}
        tagged = {run.info.run_name for run in search_runs(store) if CHAMPION_TAG in run.data.tags}
    marked = {name: note for name, note in notes.items() if "Champion" in note}
    assert set(marked) == tagged
    return marked
