"""Messages of request errors: grammar of lists, counts, and missing and unknown names."""

import pytest

from serving.worker.request_error import (
    RequestError,
    count_noun,
    describe_missing,
    describe_unknown,
    describe_value,
    list_names,
)
from serving.worker.requests.example import parse_example
from serving.worker.signature import Field

ALPHABET = tuple("abcdefghijklmnopqrstuvwxyz")
FIELDS = tuple(Field(name, "number", "float32", ()) for name in ALPHABET)
ROW = dict.fromkeys(ALPHABET, 1)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("", "nothing"),
        ("a", '"a"'),
        ("ab", '"a" and "b"'),
        ("abcde", '"a", "b", "c", "d" and "e"'),
        ("abcdef", '"a", "b", "c", "d", "e" and 1 more'),
        ("abcdefg", '"a", "b", "c", "d", "e" and 2 more'),
    ],
)
def test_names_are_listed_with_commas_and_a_last_and(names: str, expected: str) -> None:
    assert list_names(names) == expected


@pytest.mark.parametrize(
    ("names", "missing", "unknown"),
    [
        ("a", 'the field "a" is missing', 'the unknown field "a"'),
        ("ab", 'the fields "a" and "b" are missing', 'the unknown fields "a" and "b"'),
        (
            ALPHABET,
            'the fields "a", "b", "c", "d", "e" and 21 more are missing',
            'the unknown fields "a", "b", "c", "d", "e" and 21 more',
        ),
    ],
)
def test_one_two_and_many_names_have_the_right_grammar(names: str, missing: str, unknown: str) -> None:
    assert describe_missing("field", names) == missing
    assert describe_unknown("field", names) == unknown


@pytest.mark.parametrize(
    ("left_out", "added", "expected"),
    [
        ("b", "", 'row 7: the field "b" is missing, found an object with "a", "c", "d", "e", "f" and 20 more'),
        ("xyz", "", 'the fields "x", "y" and "z" are missing, found an object with "a"'),
        (ALPHABET, "", 'the fields "a", "b", "c", "d", "e" and 21 more are missing, found an empty object'),
        ("b", "2", 'the field "b" is missing, found the unknown field "2"'),
        ("", "2", 'row 7: expected only "a", "b", "c", "d", "e" and 21 more, found the unknown field "2"'),
        ("", "23", 'found the unknown fields "2" and "3"'),
    ],
)
def test_an_example_with_other_names_is_an_error_that_says_which(left_out: str, added: str, expected: str) -> None:
    row = {name: value for name, value in ROW.items() if name not in left_out} | dict.fromkeys(added, 1)
    with pytest.raises(RequestError) as raised:
        parse_example(row, FIELDS, {}, "row 7")
    assert expected in raised.value.message


@pytest.mark.parametrize(("count", "expected"), [(0, "0 steps"), (1, "1 step"), (2, "2 steps")])
def test_a_count_has_the_right_grammar(count: int, expected: str) -> None:
    assert count_noun(count, "step") == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [([1], "a list of 1"), ({}, "an empty object"), ({"a": 1, "b": 2}, 'an object with "a" and "b"'), (None, "null")],
)
def test_a_value_is_described_by_its_kind_and_size(value: object, expected: str) -> None:
    assert describe_value(value) == expected
