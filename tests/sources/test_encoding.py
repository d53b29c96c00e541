"""Text files are decoded a block at a time, and nothing of them shows where a block ends."""

from pathlib import Path

import pytest

from pipelines.runtime.user_error import UserError
from pipelines.sources.files import encoding


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
@pytest.mark.parametrize("name", ["utf-8", "utf-16-le", "utf-16", "cp1252", "utf-8-sig"])
def test_lines_are_the_same_whatever_blocks_they_are_decoded_in(
    name: str, size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoding, "BLOCK_BYTES", size)
    text = "eins\nzwölf\r\n\ndrei€ "
    (tmp_path / "t.txt").write_bytes(text.encode(name))
    lines, count = encoding.iterate_lines(tmp_path / "t.txt", name)
    assert list(lines) == text.split("\n")
    assert count == 4
    assert encoding.read_text(tmp_path / "t.txt", name) == text


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"ab\ncd\xe4x", r"byte 5 \(on line 2\) is 0xe4, which is not utf-8; state `encoding: latin-1`"),
        ("ab\ncä".encode()[:-1], r"byte 4 \(on line 2\) is 0xc3, which is not utf-8"),
        (b"\xef\xbb\xbfa\n\xff", r"byte 5 \(on line 2\) is 0xff, which is not utf-8"),
        (b"a\nb\n\0", "line 3: holds a NUL character"),
    ],
)
def test_the_first_wrong_byte_is_named_whatever_block_it_is_in(
    content: bytes, words: str, size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "t.txt").write_bytes(content)
    monkeypatch.setattr(encoding, "BLOCK_BYTES", size)
    with pytest.raises(UserError, match=words):
        encoding.read_text(tmp_path / "t.txt")
