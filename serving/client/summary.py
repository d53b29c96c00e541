"""A reply as one line for a person, and the pictures in it as files."""

import base64
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

Reply = dict[str, Any]


def readable(source: str, reply: Reply) -> str:
    """One line for a person; whatever the server notes about unusual values follows in brackets."""
    line = next((write(reply) for key, write in LINES.items() if key in reply), str(reply))
    notes = f" [{'; '.join(reply['notes'])}]" if reply.get("notes") else ""
    return f"{source}: {line}{notes}"


def _label(reply: Reply) -> str:
    """The label, how sure, and the runners-up."""
    others = sorted((entry for entry in reply["probabilities"].items() if entry[0] != reply["label"]), key=_negative)
    said = ", ".join(f"{label} {probability:.1%}" for label, probability in others[:2])
    then = f"; then {said}" if said else ""
    threshold = f"; threshold {reply['threshold']:.1%}" if "threshold" in reply else ""
    return f"{reply['label']} ({reply['probability']:.1%}{then}{threshold})"


def _negative(entry: tuple[str, float]) -> float:
    return -entry[1]


def _value(reply: Reply) -> str:
    unit = f" {reply['unit']}" if "unit" in reply else ""
    if "low" not in reply:
        return f"{_number(reply['value'])}{unit}"
    share = f" in {reply['coverage']:.0%} of cases" if "coverage" in reply else ""
    return f"{_number(reply['value'])}{unit} ({_number(reply['low'])} to {_number(reply['high'])}{share})"


def _horizon(reply: Reply) -> str:
    """The middle quantile of each variable, step by step, with the lowest and the highest in brackets."""
    steps = []
    for place, step in enumerate(reply["horizon"]):
        when = reply["times"][place] if "times" in reply else f"step {place + 1}"
        variables = {name: levels for name, levels in step.items() if isinstance(levels, dict)}
        said = ", ".join(
            f"{name} {_quantiles(levels)}" if name else _quantiles(levels) for name, levels in variables.items()
        )
        steps.append(f"{when}: {said}")
    return "; ".join(steps)


def _quantiles(levels: dict[str, float]) -> str:
    numbers = [levels[name] for name in sorted(levels.keys() - {"low", "high"}, key=float)]
    low, high = levels.get("low", numbers[0]), levels.get("high", numbers[-1])
    ends = f" ({_number(low)} to {_number(high)})" if low < high else ""
    return f"{_number(numbers[len(numbers) // 2])}{ends}"


def _mask(reply: Reply) -> str:
    shares = sorted(reply["area"].items(), key=_negative)
    height, width = reply["size"]
    return f"{', '.join(f'{label} {share:.1%}' for label, share in shares)} of {width} x {height} pixels"


def _score(reply: Reply) -> str:
    if "threshold" not in reply:
        return f"score {_number(reply['score'])}"
    verdict = "anomalous" if reply["anomalous"] else "normal"
    return f"{verdict} (score {_number(reply['score'])}, threshold {_number(reply['threshold'])})"


def _samples(reply: Reply) -> str:
    seed = f" from seed {reply['seed']}" if "seed" in reply else ""
    return f"{len(reply['samples'])} samples{seed}"


def _number(value: Any) -> str:
    return value if isinstance(value, str) else f"{value:.4g}"


# By the key that only this reply has.
LINES: dict[str, Callable[[Reply], str]] = {
    "label": _label,
    "value": _value,
    "horizon": _horizon,
    "mask": _mask,
    "score": _score,
    "samples": _samples,
}


def write_pictures(folder: Path, name: str, reply: Reply) -> list[Path]:
    """Write every picture in a reply as a PNG: `<folder>/<name>-mask.png`, `<folder>/<name>-samples-0.png`, ..."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for place, content in _pictures(reply, name):
        written.append(folder / f"{place}.png")
        written[-1].write_bytes(content)
    return written


def _pictures(value: Any, place: str) -> Iterator[tuple[str, bytes]]:
    match value:
        case {"b64": str() as text}:
            yield place, base64.b64decode(text)
        case dict():
            for name, inner in value.items():
                safe = "".join(sign if sign.isalnum() else "_" for sign in name)
                yield from _pictures(inner, f"{place}-{safe}")
        case list():
            for number, inner in enumerate(value):
                yield from _pictures(inner, f"{place}-{number}")
