"""Ask a running server: a small library and a command.

from serving.client import Client
client = Client("http://127.0.0.1:8080")
client.predict("digits", image="three.png")
client.predict("titanic", instance={"age": 29, "sex": "female", "fare": None})
client.predict("spam", text="You have won a prize")

python -m serving.client digits three.png
python -m serving.client titanic --json '{"age": 29, "sex": "female", "fare": null}'
python -m serving.client spam --text "You have won a prize"
python -m serving.client drawn-digits --number 4 --seed 2 --out drawn
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from serving.client import summary as summaries
from serving.client.client import ADDRESS, Client, ClientFailure, _read
from serving.client.summary import readable


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    client = Client(options.address)
    status = 0
    for source, ask in _questions(options):
        try:
            reply = ask(client)
            print(readable(source, reply))
            if options.out is not None:
                for path in summaries.write_pictures(options.out, Path(source).stem, reply):
                    print(path)
        except (ClientFailure, OSError) as failure:
            said = str(failure)
            print(said if said.startswith(source) else f"{source}: {said}", file=sys.stderr)
            status = 1
    return status


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m serving.client", description="Ask a running server.")
    parser.add_argument("name", help="the model, for example digits")
    parser.add_argument("pictures", nargs="*", metavar="picture", help="PNG or JPEG files")
    parser.add_argument("--json", action="append", default=[], help="an example as JSON, or @FILE that holds it")
    parser.add_argument("--text", action="append", default=[], help="a text")
    parser.add_argument("--number", type=int, help="of a generator: how many samples (default: 1)")
    parser.add_argument("--seed", type=int, help="of a generator: what the samples are drawn from (default: 0)")
    parser.add_argument("--out", type=Path, help="a folder for the pictures in the replies")
    parser.add_argument("--address", default=ADDRESS, help="where the server answers (default: %(default)s)")
    options = parser.parse_args(arguments)
    if not (options.pictures or options.json or options.text or options.number or options.seed is not None):
        parser.error("nothing is asked: give a picture, --json, --text, or --number and --seed")
    return options


def _questions(options: argparse.Namespace) -> Iterator[tuple[str, Callable[[Client], dict[str, Any]]]]:
    """What is asked, in the order of the options' list: a name to print, and the call."""
    for picture in options.pictures:
        yield picture, partial(Client.predict, name=options.name, image=picture)
    for place, given in enumerate(options.json, start=1):
        yield given[1:] if given.startswith("@") else f"example {place}", partial(_ask_json, options.name, given)
    for place, text in enumerate(options.text, start=1):
        yield f"text {place}", partial(Client.predict, name=options.name, text=text)
    asked = {name: getattr(options, name) for name in ("number", "seed") if getattr(options, name) is not None}
    if asked:
        yield options.name, partial(Client.predict, name=options.name, instance=asked)


def _ask_json(name: str, given: str, client: Client) -> dict[str, Any]:
    return client.predict(name, instance=_parsed_example(given))


def _parsed_example(given: str) -> dict[str, Any]:
    try:
        document = json.loads(_read(given[1:]) if given.startswith("@") else given)
    except ValueError as error:
        raise ClientFailure(f"expected JSON: {error}") from error
    if not isinstance(document, dict):
        raise ClientFailure('expected a JSON object with the model\'s fields, such as {"age": 29}')
    return document


if __name__ == "__main__":
    sys.exit(main())
