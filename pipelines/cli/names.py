"""What the names on the command line stand for: problems, contenders and stages as addresses of DVC's stages."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import NamedTuple

from pipelines.runtime.user_error import UserError

LAST_OF_PROBLEM = "package"  # the stage that needs all others of a problem
LAST_OF_CONTENDER = "evaluate"  # ... and of a contender
OF_CONTENDERS = ("tune", "train", "evaluate")  # stages; the others are a problem's
BEFORE_CONTENDERS = ("split", "augment")


class UnknownName(UserError):
    """A name on the command line that params.yaml and dvc.yaml do not have: the command was called wrongly."""


class ProjectNames(NamedTuple):
    """What a project has names for, in the order of params.yaml and dvc.yaml."""

    problems: tuple[str, ...]
    contenders: Mapping[str, str]  # name -> its problem
    stages: Mapping[str, str]  # address, as tune@digits-mlp -> its problem

    @property
    def verbs(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(address.partition("@")[0] for address in self.stages))


# What a name may stand for; the first that knows it decides
_MEANINGS: tuple[Callable[[ProjectNames, str], Sequence[str]], ...] = (
    lambda names, name: [f"{LAST_OF_PROBLEM}@{name}"] if name in names.problems else [],
    lambda names, name: [f"{LAST_OF_CONTENDER}@{name}"] if name in names.contenders else [],
    lambda names, name: [name] if name in names.stages else [],
    lambda names, name: [address for address in names.stages if address.startswith(f"{name}@")],
)


def resolve_targets(names: ProjectNames, words: Iterable[str]) -> tuple[str, ...]:
    """The addresses of the stages that words stand for, each once; DVC adds what these need.

    A problem is its last stage (`package@digits`), a contender its evaluation (`evaluate@digits-mlp`), a stage itself
    (`tune@digits-mlp`), and a verb all its stages (`tune`). A word with several meanings has the first of these.

    Raises:
        UnknownName: nothing is called so; the sentence says what there is.
    """
    found: dict[str, None] = {}
    for word in words:
        addresses = next(filter(None, (meaning(names, word) for meaning in _MEANINGS)), None)
        if addresses is None:
            raise UnknownName(_explain_unknown(names, word))
        found.update(dict.fromkeys(addresses))
    return tuple(found)


def check_names(words: Iterable[str], known: Sequence[str], kind: str) -> None:
    """Check that words are names of one kind, as "problem" or "contender".

    Raises:
        UnknownName: one is not.
    """
    for word in words:
        if word not in known:
            raise UnknownName(f"no {kind} is called {word!r}; {_suggest(word, known)}there are {', '.join(known)}")


def _explain_unknown(names: ProjectNames, word: str) -> str:
    verbs = names.verbs
    example = next(iter(names.stages), "split@digits")
    known = [*names.problems, *names.contenders, *verbs, *names.stages]
    return (
        f"no problem, contender or stage is called {word!r}; {_suggest(word, known)}there are\n"
        f"  the problems    {', '.join(names.problems)}\n"
        f"  the contenders  {', '.join(names.contenders)}\n"
        f"  the stages      {', '.join(verbs)}, and each for one name alone, as {example}"
    )


def _suggest(word: str, known: Sequence[str]) -> str:
    close = get_close_matches(word, list(dict.fromkeys(known)))
    return f"did you mean {' or '.join(close)}? " if close else ""
