"""Client command: predictions from a running server, one line each.

python -m serving.client digits three.png
python -m serving.client titanic --json '{"age": 29, "sex": "female", "fare": null}'
python -m serving.client spam --text "You have won a prize"
python -m serving.client drawn-digits --number 4 --seed 2 --out drawn

The same from Python:

from serving.client import Client
client = Client("http://127.0.0.1:8080")
client.predict("digits", image="three.png")
client.predict("titanic", instance={"age": 29, "sex": "female", "fare": None})
client.predict("spam", text="You have won a prize")
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from serving.client.client import DEFAULT_ADDRESS, Client
from serving.client.client_error import ClientError
from serving.client.encoding import read_file
from serving.client.summary import format_reply, write_images

EXAMPLES = """\
examples:
  python -m serving.client digits three.png
  python -m serving.client titanic --json '{"age": 29, "sex": "female", "fare": null}'
  python -m serving.client spam --text "You have won a prize"
  python -m serving.client drawn-digits --number 4 --seed 2 --out drawn
"""


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parse_arguments(arguments)
    status = 0
    try:
        client = Client(options.address)
    except ClientError as error:
        print(f"--address: {error}", file=sys.stderr)
        return 1
    for source, send in _build_requests(options):
        try:
            reply = send(client)
            print(format_reply(source, reply))
            if options.out is not None:
                for path in write_images(options.out, Path(source).stem, reply):
                    print(path)
        except (ClientError, OSError) as error:
            message = str(error)
            print(message if message.startswith(source) else f"{source}: {message}", file=sys.stderr)
            status = 1
    return status


def _parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m serving.client",
        description="Send examples to a running server and print its predictions, one line each.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", help="the model, for example digits")
    parser.add_argument(
        "images", nargs="*", metavar="image", help="PNG or JPEG files, or WAV or FLAC recordings, one example each"
    )
    parser.add_argument("--json", action="append", default=[], help="an example as a JSON object, or @FILE with one")
    parser.add_argument("--text", action="append", default=[], help="an example of a text model")
    parser.add_argument("--number", type=int, help="of a generator: how many samples (default: 1)")
    parser.add_argument("--seed", type=int, help="of a generator: the seed of its samples (default: 0)")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="write the images of the replies into this folder")
    parser.add_argument("--address", default=DEFAULT_ADDRESS, help="address of the server (default: %(default)s)")
    options = parser.parse_args(arguments)
    if not (options.images or options.json or options.text or options.number or options.seed is not None):
        parser.error("there is no example: give an image, --json, --text, or --number and --seed")
    return options


def _build_requests(options: argparse.Namespace) -> Iterator[tuple[str, Callable[[Client], dict[str, Any]]]]:
    """The requests in the order of the options' list: a name to print, and the call."""
    for image in options.images:
        yield image, partial(Client.predict, name=options.name, image=image)
    for number, argument in enumerate(options.json, start=1):
        source = argument[1:] if argument.startswith("@") else f"example {number}"
        yield source, partial(_predict_json, options.name, argument)
    for number, text in enumerate(options.text, start=1):
        yield f"text {number}", partial(Client.predict, name=options.name, text=text)
    instance = {name: getattr(options, name) for name in ("number", "seed") if getattr(options, name) is not None}
    if instance:
        yield options.name, partial(Client.predict, name=options.name, instance=instance)


def _predict_json(name: str, argument: str, client: Client) -> dict[str, Any]:
    return client.predict(name, instance=_parse_example(argument))


def _parse_example(argument: str) -> dict[str, Any]:
    try:
        document = json.loads(read_file(argument[1:]) if argument.startswith("@") else argument)
    except ValueError as error:
        raise ClientError(f"expected JSON: {error}") from error
    if not isinstance(document, dict):
        raise ClientError('expected a JSON object with the model\'s fields, such as {"age": 29}')
    return document


if __name__ == "__main__":
    sys.exit(main())
