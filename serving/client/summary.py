"""Reply summary: a reply as one line of text, and its images as files."""

import base64
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

Reply = dict[str, Any]


def format_reply(source: str, reply: Reply) -> str:
    """Format a reply as one line; notes about unusual values follow in brackets."""
    line = next((format_line(reply) for key, format_line in LINE_FORMATTERS.items() if key in reply), str(reply))
    notes = f" [{'; '.join(reply['notes'])}]" if reply.get("notes") else ""
    return f"{source}: {line}{notes}"


def _format_label(reply: Reply) -> str:
    """The label, its probability, and the next two labels."""
    others = sorted(
        (entry for entry in reply["probabilities"].items() if entry[0] != reply["label"]), key=_descending_key
    )
    runners_up = ", ".join(f"{label} {probability:.1%}" for label, probability in others[:2])
    then = f"; then {runners_up}" if runners_up else ""
    threshold = f"; threshold {reply['threshold']:.1%}" if "threshold" in reply else ""
    return f"{reply['label']} ({reply['probability']:.1%}{then}{threshold})"


def _descending_key(entry: tuple[str, float]) -> float:
    return -entry[1]


def _format_value(reply: Reply) -> str:
    unit = f" {reply['unit']}" if "unit" in reply else ""
    if "low" not in reply:
        return f"{_format_number(reply['value'])}{unit}"
    share = f" in {reply['coverage']:.0%} of cases" if "coverage" in reply else ""
    return (
        f"{_format_number(reply['value'])}{unit} ({_format_number(reply['low'])} to "
        f"{_format_number(reply['high'])}{share})"
    )


def _format_forecast(reply: Reply) -> str:
    """The middle quantile of each variable, step by step, with the lowest and the highest in brackets."""
    steps = []
    for place, step in enumerate(reply["horizon"]):
        when = reply["times"][place] if "times" in reply else f"step {place + 1}"
        variables = {name: levels for name, levels in step.items() if isinstance(levels, dict)}
        line = ", ".join(
            f"{name} {_format_quantiles(levels)}" if name else _format_quantiles(levels)
            for name, levels in variables.items()
        )
        steps.append(f"{when}: {line}")
    return "; ".join(steps)


def _format_quantiles(levels: dict[str, float]) -> str:
    numbers = [levels[name] for name in sorted(levels.keys() - {"low", "high"}, key=float)]
    low, high = levels.get("low", numbers[0]), levels.get("high", numbers[-1])
    ends = f" ({_format_number(low)} to {_format_number(high)})" if low < high else ""
    return f"{_format_number(numbers[len(numbers) // 2])}{ends}"


def _format_areas(reply: Reply) -> str:
    shares = sorted(reply["area"].items(), key=_descending_key)
    height, width = reply["size"]
    return f"{', '.join(f'{label} {share:.1%}' for label, share in shares)} of {width} x {height} pixels"


def _format_anomaly_score(reply: Reply) -> str:
    if "threshold" not in reply:
        return f"score {_format_number(reply['score'])}"
    verdict = "anomalous" if reply["anomalous"] else "normal"
    return f"{verdict} (score {_format_number(reply['score'])}, threshold {_format_number(reply['threshold'])})"


def _format_sample_count(reply: Reply) -> str:
    seed = f" from seed {reply['seed']}" if "seed" in reply else ""
    count = len(reply["samples"])
    return f"{count} {'sample' if count == 1 else 'samples'}{seed}"


def _format_number(value: Any) -> str:
    return value if isinstance(value, str) else f"{value:.4g}"


# By the key that only this reply has.
LINE_FORMATTERS: dict[str, Callable[[Reply], str]] = {
    "label": _format_label,
    "value": _format_value,
    "horizon": _format_forecast,
    "mask": _format_areas,
    "score": _format_anomaly_score,
    "samples": _format_sample_count,
}


def write_images(folder: Path, name: str, reply: Reply) -> list[Path]:
    """Write every image of a reply as a PNG: `<folder>/<name>-mask.png`, `<folder>/<name>-samples-0.png`, ..."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for stem, content in _find_images(reply, name):
        paths.append(folder / f"{stem}.png")
        paths[-1].write_bytes(content)
    return paths


def _find_images(value: Any, stem: str) -> Iterator[tuple[str, bytes]]:
    match value:
        case {"b64": str() as text}:
            yield stem, base64.b64decode(text)
        case dict():
            for name, inner in value.items():
                safe = "".join(sign if sign.isalnum() else "_" for sign in name)
                yield from _find_images(inner, f"{stem}-{safe}")
        case list():
            for number, inner in enumerate(value):
                yield from _find_images(inner, f"{stem}-{number}")
