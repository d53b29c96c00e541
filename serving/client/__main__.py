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

from serving.client import summary
from serving.client.client import DEFAULT_ADDRESS, Client, ClientError, _read_file
from serving.client.summary import format_reply


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parse_arguments(arguments)
    client = Client(options.address)
    status = 0
    for source, send in _build_requests(options):
        try:
            reply = send(client)
            print(format_reply(source, reply))
            if options.out is not None:
                for path in summary.write_images(options.out, Path(source).stem, reply):
                    print(path)
        except (ClientError, OSError) as error:
            message = str(error)
            print(message if message.startswith(source) else f"{source}: {message}", file=sys.stderr)
            status = 1
    return status


def _parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m serving.client", description="Ask a running server.")
    parser.add_argument("name", help="the model, for example digits")
    parser.add_argument("pictures", nargs="*", metavar="picture", help="PNG or JPEG files")
    parser.add_argument("--json", action="append", default=[], help="an example as JSON, or @FILE that holds it")
    parser.add_argument("--text", action="append", default=[], help="a text")
    parser.add_argument("--number", type=int, help="of a generator: how many samples (default: 1)")
    parser.add_argument("--seed", type=int, help="of a generator: what the samples are drawn from (default: 0)")
    parser.add_argument("--out", type=Path, help="a folder for the pictures in the replies")
    parser.add_argument("--address", default=DEFAULT_ADDRESS, help="where the server answers (default: %(default)s)")
    options = parser.parse_args(arguments)
    if not (options.pictures or options.json or options.text or options.number or options.seed is not None):
        parser.error("nothing is asked: give a picture, --json, --text, or --number and --seed")
    return options


def _build_requests(options: argparse.Namespace) -> Iterator[tuple[str, Callable[[Client], dict[str, Any]]]]:
    """What is asked, in the order of the options' list: a name to print, and the call."""
    for picture in options.pictures:
        yield picture, partial(Client.predict, name=options.name, image=picture)
    for number, argument in enumerate(options.json, start=1):
        yield (
            argument[1:] if argument.startswith("@") else f"example {number}",
            partial(_predict_json, options.name, argument),
        )
    for number, text in enumerate(options.text, start=1):
        yield f"text {number}", partial(Client.predict, name=options.name, text=text)
    instance = {name: getattr(options, name) for name in ("number", "seed") if getattr(options, name) is not None}
    if instance:
        yield options.name, partial(Client.predict, name=options.name, instance=instance)


def _predict_json(name: str, argument: str, client: Client) -> dict[str, Any]:
    return client.predict(name, instance=_parse_example(argument))


def _parse_example(argument: str) -> dict[str, Any]:
    try:
        document = json.loads(_read_file(argument[1:]) if argument.startswith("@") else argument)
    except ValueError as error:
        raise ClientError(f"expected JSON: {error}") from error
    if not isinstance(document, dict):
        raise ClientError('expected a JSON object with the model\'s fields, such as {"age": 29}')
    return document


if __name__ == "__main__":
    sys.exit(main())
