"""DVC's graph of contenders that start from others: what pipelines/dvc.yaml has to say for params.yaml as it is now.

dvc.yaml says the same of every contender, and DVC knows no dependency that only some entries of a `foreach` have. So
the one file that is no story, the stage that always runs, says it: where a contender starts from another, `resolve` no
longer writes the input record of its search, and a stage `start` does, which depends on the other's weights. Without
such a contender the file is the shipped one, and no entry of dvc.lock is another.
"""

from collections.abc import Mapping
from pathlib import Path

from pipelines.runtime.dvc_yaml import read_stages
from pipelines.runtime.files import write_text
from pipelines.settings import paths
from pipelines.settings.origins import Origin, base_record_file, read_origins

GRAPH_FILE = Path("pipelines", "dvc.yaml")
RESOLVE = """\
# The stage that always runs. It is in a file of its own, so that the lock it rewrites every time is a short one.
{note}
stages:
  resolve:
    desc: Check params.yaml; write down what every stage of dvc.yaml depends on, besides the data.
    wdir: ..
    cmd: python -m pipelines.resolve
    always_changed: true
    outs:
"""
NOTE = """\
#
# Written by `bakeoff run` and `python -m pipelines.resolve`, because contenders of params.yaml start from others:
# `start` writes the input record of a search, once what it starts from is there (pipelines/settings/origin_graph.py).
"""
WHY_PERSIST = "  # it removes what is stale itself, and writes nothing where nothing changed"
OUT = """\
      - {path}:
          persist: true{why}
"""
START = """\

  start:
    foreach:
{items}    do:
      desc: Write down which weights a contender starts from, once they are there; its search depends on it.
      wdir: ..
      cmd: python -m pipelines.resolve --start ${{key}}
      deps:
{deps}      outs:
        - {record}
"""


def write_origin_graph() -> bool:
    """Bring pipelines/dvc.yaml up to date with params.yaml; whether it was not."""
    text = format_origin_graph(read_origins())
    if GRAPH_FILE.exists() and GRAPH_FILE.read_text(encoding="utf-8") == text:
        return False
    write_text(GRAPH_FILE, text)
    return True


def format_origin_graph(origins: Mapping[str, Origin]) -> str:
    """The text of pipelines/dvc.yaml for contenders that start from others."""
    outs = _record_outs(origins)
    text = RESOLVE.format(note=NOTE if origins else "")
    text += "".join(OUT.format(path=path, why="" if number else WHY_PERSIST) for number, path in enumerate(outs))
    if not origins:
        return text
    items = "".join(
        f'      "{name}": {{problem: "{origin.problem}", contender: "{origin.contender}"}}\n'
        for name, origin in origins.items()
    )
    read = (base_record_file("${key}"), *Origin("${item.contender}", "${item.problem}").files)
    deps = "".join(f"        - {path.as_posix()}\n" for path in read)
    return text + START.format(items=items, deps=deps, record=paths.record_file("tune", "${key}").as_posix())


def _record_outs(origins: Mapping[str, Origin]) -> list[str]:
    """The folders and files that `resolve` writes: all records, but for those that wait for weights."""
    if not origins:
        return [paths.INPUTS_FOLDER.as_posix()]
    stages = read_stages()
    verbs = dict.fromkeys((*(stage.verb for stage in stages if stage.verb != "tune"), "start"))
    own = [stage.name for stage in stages if stage.verb == "tune" and stage.name not in origins]
    files = [paths.record_file("tune", name) for name in own]
    return [path.as_posix() for path in (*(paths.INPUTS_FOLDER / verb for verb in verbs), *files)]
