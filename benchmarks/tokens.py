"""What `bakeoff add` has texts cut into, beside what is best: words, characters or subwords, on five sets of texts.

    python -m benchmarks.tokens
    python -m benchmarks.tokens --sms ../shared/data/sms_spam/sms.tsv

Names of functions and of classes (benchmarks/texts.py), docstrings, lines of files in six languages and, where the
file is at hand, SMS. Each network that `add` enters for texts is trained with what it is entered with, in a small
budget, once, on each of the three; the share of words that are new is what the rule goes by.
"""

import argparse
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from benchmarks.texts import load_names, prepare_job, train_network
from pipelines.data.dataset import Dataset
from pipelines.data.parts import Part
from pipelines.data.schema import Field, Schema
from pipelines.data.text import to_bytes
from pipelines.data.tokenizers import TOKENIZERS
from pipelines.proposals.contenders import ENTRANTS
from pipelines.proposals.tokens import new_word_share, propose_tokens
from pipelines.sources.bundled.docstrings import DocstringsSettings, load_docstrings
from pipelines.sources.text.load import TextSettings, load_texts

NETWORKS = tuple(entrant.architecture for entrant in ENTRANTS["classification", "text"])
LANGUAGES = {
    "C++": ".h",
    "CMake": ".cmake",
    "CSS": ".css",
    "JavaScript": ".js",
    "Python": ".py",
    "YAML": ".yaml",
}
MAX_LINES = 400  # of a language
MAX_FILE_LINES = 20  # of a file
LINE_CHARACTERS = (15, 120)  # of a line that says something and was not made by a program


def load_lines() -> Dataset:
    """Lines of files that the installed packages hold, the language as the class, the file as a key to split by."""
    packages = Path(np.__file__).parents[1]
    rows = [
        (line, code, file)
        for code, suffix in enumerate(LANGUAGES.values())
        for file, line in islice(_iterate_lines(packages, suffix), MAX_LINES)
    ]
    texts = to_bytes([line for line, _, _ in rows], 4 * LINE_CHARACTERS[1])
    schema = Schema(
        inputs=(Field(name="line", kind="text", dtype="uint8", shape=texts.shape[1:]),),
        target=Field(name="language", kind="category", dtype="int64", shape=(), categories=tuple(LANGUAGES)),
        title="Which language a line is written in",
        origin="files of the installed Python packages",
        licence="as the packages' metadata state",
    )
    target = np.array([code for _, code, _ in rows], dtype=np.int64)
    return Dataset(schema, Part((texts,), target), keys={"file": np.array([file for _, _, file in rows])})


def _iterate_lines(packages: Path, suffix: str) -> Iterator[tuple[str, str]]:
    low, high = LINE_CHARACTERS
    for path in sorted(packages.glob(f"*/**/*{suffix}"), key=lambda path: path.name[::-1]):
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        said = [line.strip() for line in lines if low <= len(line.strip()) <= high]
        yield from ((str(path), line) for line in said[:: max(1, len(said) // MAX_FILE_LINES)][:MAX_FILE_LINES])


def load_sms(path: Path) -> Dataset:
    return load_texts(TextSettings.model_validate({"kind": "text", "path": str(path), "target": 1, "text": 2}))


SETS: Mapping[str, Callable[[], Dataset]] = {
    "functions": lambda: load_names("functions"),
    "classes": lambda: load_names("classes"),
    "docstrings": lambda: load_docstrings(DocstringsSettings(kind="docstrings")),
    "lines": load_lines,
}


def report_set(name: str, data: Dataset, networks: Sequence[str], folder: Path) -> None:
    """Print what every network reaches with each kind of tokens, and what `add` proposes."""
    (texts,) = data.part.inputs
    tokens, _ = propose_tokens(texts)
    print(f"{name}: {len(texts):,} texts, {new_word_share(texts):.0%} of the words are new; proposed: {tokens}")
    job = prepare_job(folder, data)
    for entrant in [one for one in ENTRANTS["classification", "text"] if one.architecture in networks]:
        tried = {
            tokens: train_network(job, entrant.architecture, {**entrant.fix, "tokens": tokens}, 0, folder)
            for tokens in TOKENIZERS
        }
        cells = [f"{tokens} {one.accuracy:.3f} ({one.log_loss:.3f})" for tokens, one in tried.items()]
        print(f"  {entrant.architecture:20}{'   '.join(cells)}", flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", metavar="SET", help=f"of {', '.join(SETS)}; all of them if none is named")
    parser.add_argument("--sms", type=Path, help="the file of the SMS collection, which has no line of names")
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=NETWORKS, help="architectures to train")
    asked = parser.parse_args(arguments)
    if unknown := set(asked.sets) - set(SETS):
        parser.error(f"no set is called {min(unknown)!r}; there are {', '.join(SETS)}")
    sets = {name: SETS[name] for name in asked.sets or SETS}
    if asked.sms is not None:
        sets["sms"] = lambda: load_sms(asked.sms)
    print("accuracy on the test part (log loss), of one training of ten epochs")
    for name, load in sets.items():
        with tempfile.TemporaryDirectory() as temporary:
            report_set(name, load(), asked.networks, Path(temporary))


if __name__ == "__main__":
    main()
