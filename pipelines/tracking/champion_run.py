"""The run of a problem's champion, marked and described as such among the runs of its contenders."""

from collections.abc import Mapping

from pipelines.tracking.contender_run import COMPLETE_TAG, CONTENDER_TAG, NOTE_TAG, find_runs
from pipelines.tracking.store import TrackingStore

CHAMPION_TAG = "bakeoff.champion"  # of the champion's run: true
VERDICT_MARK = "\n\n**Champion.** "  # from here on a run's description is about the verdict


def describe_champion_run(
    store: TrackingStore, problem: str, contender: str, verdict: str, tags: Mapping[str, str]
) -> bool:
    """Mark the run of the champion, and no other of the problem; tells whether anything had to be done.

    Args:
        verdict: sentences, which stand behind the run's description.
        tags: what the run is tagged with besides.
    """
    changed = False
    for run in find_runs(store, store.get_or_create_experiment(problem)):
        before = run.data.tags
        if COMPLETE_TAG not in before:
            continue  # a trial, or unfinished
        note = before.get(NOTE_TAG, "").partition(VERDICT_MARK)[0]
        if before[CONTENDER_TAG] == contender:
            after = {CHAMPION_TAG: "true", NOTE_TAG: f"{note}{VERDICT_MARK}{verdict}", **tags}
            stale = []
        else:
            after = {NOTE_TAG: note} if NOTE_TAG in before else {}
            stale = [tag for tag in (CHAMPION_TAG, *tags) if tag in before]
        for tag in stale:
            store.client.delete_tag(run.info.run_id, tag)
        news = {tag: value for tag, value in after.items() if before.get(tag) != value}
        for tag, value in news.items():
            store.client.set_tag(run.info.run_id, tag, value)
        changed = changed or bool(stale or news)
    return changed
