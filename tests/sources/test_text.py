"""Texts from files and folders: what is read, what is set aside and said, and what is refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from pipelines.data.dataset import Dataset, Finding
from pipelines.data.text import from_bytes
from pipelines.runtime.user_error import UserError
from pipelines.sources.text.load import MAX_TEXT_BYTES, TextSettings, load_texts


def read(path: Path, **settings: Any) -> Dataset:
    return load_texts(TextSettings(kind="text", path=str(path), **settings))


def table(folder: Path, content: str | bytes, name: str = "mail.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def tree(folder: Path, files: dict[str, str | bytes]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def many(count: int = 20) -> dict[str, str | bytes]:
    """A folder of as many good and bad texts, no two alike."""
    return {f"{'good' if row % 2 else 'bad'}/{row:02}.txt": f"a film of year {1900 + row}" for row in range(count)}


def said(data: Dataset) -> dict[str, Finding]:
    return {finding.check: finding for finding in data.findings if finding.level != "fine"}


COLUMNS = {"text": "body", "target": "folder"}
MAIL = "folder,body\nspam,win cash\nham,see you\nham,at nine\nspam,free cash\n"


def test_a_csv_becomes_texts_and_classes(tmp_path: Path) -> None:
    data = read(table(tmp_path, MAIL), **COLUMNS)
    field, target = data.schema.inputs[0], data.schema.target
    assert (field.name, field.kind, field.dtype, field.shape) == ("body", "text", "uint8", (9,))
    assert (target.name, target.categories) == ("folder", ("ham", "spam"))
    assert from_bytes(data.part.inputs[0]) == ["win cash", "see you", "at nine", "free cash"]
    assert data.part.target.tolist() == [1, 0, 0, 1]
    assert said(data) == {}
    assert str(tmp_path) not in data.schema.model_dump_json() + str(data.notes)


def test_a_tsv_without_a_header_is_read_by_the_columns_numbers(tmp_path: Path) -> None:
    content = 'ham\tsee you\nspam\twin "cash\nham\t"at nine"\nspam\tfree" cash\n'  # a stray quote opens and closes
    data = read(table(tmp_path, content, "sms.tsv"), header=False, text=2, target=1)
    assert [field.name for field in (*data.schema.inputs, data.schema.target)] == ["text", "class"]
    assert len(data.part.target) == 4


def test_a_quoted_text_may_hold_lines_and_separators(tmp_path: Path) -> None:
    data = read(table(tmp_path, 'body,folder\n"Dear all,\nsee ""you""",ham\nwin,spam\n'), **COLUMNS)
    assert from_bytes(data.part.inputs[0]) == ['Dear all,\nsee "you"', "win"]


def test_a_folder_per_class_becomes_texts_and_classes(tmp_path: Path) -> None:
    files = {"good/b.txt": "\ufeffa fine film", "good/a.TXT": "great", "bad/deep/c.txt": "dull", "readme.md": "see me"}
    data = read(tree(tmp_path, {**files, "bad/.hidden.txt": "no"}))
    assert from_bytes(data.part.inputs[0]) == ["dull", "great", "a fine film"]
    assert [data.schema.target.categories[code] for code in data.part.target] == ["bad", "good", "good"]
    assert any("readme.md" in note for note in data.notes)


def test_folders_of_parts_above_the_classes_are_kept_as_a_key(tmp_path: Path) -> None:
    files = {f"{part}/{name}/{part}.txt": f"{name} {part}" for part in ("train", "test") for name in ("good", "bad")}
    data = read(tree(tmp_path, files))
    assert data.schema.target.categories == ("bad", "good")
    assert data.keys["part"].tolist() == ["test", "test", "train", "train"]


def test_columns_that_a_split_may_go_by_are_kept_beside(tmp_path: Path) -> None:
    data = read(table(tmp_path, "body,folder,sender\na b,x,7\nc,y,8\nd,x,7\n"), **COLUMNS, keys=["sender"])
    assert data.keys["sender"].tolist() == [7, 8, 7]


def test_texts_that_differ_in_case_and_space_alone_share_a_wording(tmp_path: Path) -> None:
    data = read(table(tmp_path, "body,folder\nWin  CASH,spam\nsee,ham\nwin cash,spam\n"), **COLUMNS)
    assert data.keys["wording"].tolist() == [0, 1, 0]
    found = said(data)["near_twins"]
    assert (found.level, found.concerns) == ("notice", 2)
    assert "line 2, line 4" in found.sentence


def test_the_same_file_gives_the_same_bytes(tmp_path: Path) -> None:
    one, other = (read(tree(tmp_path, many())) for _ in range(2))
    assert one.schema == other.schema
    assert one.notes == other.notes
    assert one.findings == other.findings
    np.testing.assert_array_equal(one.part.inputs[0], other.part.inputs[0])
    np.testing.assert_array_equal(one.part.target, other.part.target)


@pytest.mark.parametrize(
    ("rows", "check", "level", "concerns", "words"),
    [
        ("ham,\nham, \n", "empty_texts", "notice", 2, "set aside: line 6, line 7"),
        (",who knows\n", "missing_classes", "notice", 1, "no class and set aside: line 6"),
        (f"ham,{'é' * MAX_TEXT_BYTES}\n", "long_texts", "notice", 1, "longer than 8192 bytes and cut there: line 6"),
        ("ham,caf\x92s\n", "odd_characters", "notice", 1, "U+0092 in line 6"),
        ("ham,caf\ufffd\n", "odd_characters", "notice", 1, "U+FFFD in line 6"),
        ("junk,once\n", "single_texts", "warning", 1, "one text"),
        ("Ham,other\nHam,text\n", "alike_classes", "warning", 1, "'Ham', 'ham'"),
        ("ham,WIN cash\n", "near_twins", "warning", 2, "1 of 1 such sets have different classes"),
    ],
)
def test_odd_texts_are_repaired_and_reported(
    rows: str, check: str, level: str, concerns: int, words: str, tmp_path: Path
) -> None:
    data = read(table(tmp_path, MAIL + rows), **COLUMNS)
    found = said(data)[check]
    assert (found.level, found.concerns) == (level, concerns)
    assert words in found.sentence


def test_a_long_text_is_cut_at_the_end_of_a_character(tmp_path: Path) -> None:
    data = read(tree(tmp_path, {**many(), "good/long.txt": "a" + "é" * MAX_TEXT_BYTES}))
    (text,) = [text for text in from_bytes(data.part.inputs[0]) if "é" in text]
    assert text == "a" + "é" * ((MAX_TEXT_BYTES - 1) // 2)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"caf\xe9 is bad", "good/odd.txt (byte 3 is 0xe9, which is not utf-8"),
        (b"a" * 3 * MAX_TEXT_BYTES + b"\xff", "byte 24576 is 0xff"),  # beyond what is kept, within what is looked at
        (b"\xff\xfea\x00b", "byte 4 is 0x62, which is not utf-16-le"),  # cut in the middle of a character
        (b"ends early \xe2\x82", "byte 11 is 0xe2"),
        ("no mark".encode("utf-16-le"), "NUL"),
        (b"PK\x03\x04 zip", "ZIP"),
        (b"%PDF-1.7", "PDF"),
    ],
)
def test_a_file_that_is_no_text_is_set_aside_by_name_and_byte(content: bytes, words: str, tmp_path: Path) -> None:
    data = read(tree(tmp_path, {**many(), "good/odd.txt": content}))
    assert len(data.part.target) == 20
    assert (said(data)["skipped_files"].concerns, words in said(data)["skipped_files"].sentence) == (1, True)


def test_a_link_to_nothing_and_a_text_outside_a_class_are_set_aside(tmp_path: Path) -> None:
    tree(tmp_path, {**many(), "stray.txt": "whose?"})
    (tmp_path / "bad" / "gone.txt").symlink_to("nowhere")
    sentence = said(read(tmp_path))["skipped_files"].sentence
    assert "bad/gone.txt (is a link to nothing)" in sentence
    assert "stray.txt (lies in no folder of a class)" in sentence


def test_files_of_any_ending_are_texts_where_hardly_any_ends_in_txt(tmp_path: Path) -> None:
    names = [f"{group}/{number}" for group in ("sci.med", "rec.autos") for number in range(10)]
    tree(tmp_path, {**{name: f"On {name}" for name in names}, "sci.med/1.eml": "a mail", "sci.med/notes.txt": "a note"})
    (tmp_path / "sci.med" / "photo.jpg").write_bytes(b"\xff\xd8\xff\0")
    (tmp_path / "README").write_text("of no class")
    data = read(tmp_path)
    assert data.schema.target.categories == ("rec.autos", "sci.med")
    assert len(data.part.target) == 22
    assert "sci.med/photo.jpg" in said(data)["skipped_files"].sentence
    assert any("22 files, each a text" in note or "23 files, each a text" in note for note in data.notes)
    assert any("README" in note for note in data.notes)


def test_another_encoding_is_read_if_it_is_stated(tmp_path: Path) -> None:
    path = table(tmp_path, "body,folder\ncafé,ham\nwin,spam\n".encode("cp1252"))
    assert from_bytes(read(path, **COLUMNS, encoding="cp1252").part.inputs[0]) == ["café", "win"]
    folder = tree(tmp_path / "films", {"good/a.txt": "café".encode("cp1252"), "bad/b.txt": "dull"})
    assert from_bytes(read(folder, encoding="cp1252").part.inputs[0]) == ["dull", "café"]


@pytest.mark.parametrize(
    ("content", "settings", "words"),
    [
        (MAIL, {"text": "message", "target": "folder"}, "text: there is no column 'message'; the columns are folder"),
        (MAIL, {"text": 3, "target": "folder"}, "text: there is no column 3"),
        (MAIL, {"text": 0, "target": "folder"}, "text: there is no column 0"),
        (MAIL, {"text": "body"}, "target: must name a column"),
        (MAIL, {"text": "body", "target": 2}, "text and target are the same column, body"),
        (MAIL, {**COLUMNS, "keys": ["when"]}, "keys: there is no column 'when'"),
        (MAIL, {**COLUMNS, "separator": ";"}, "no column"),
        ("", COLUMNS, "is empty"),
        ("folder,body\n", COLUMNS, "nothing below it"),
        ("folder,body\nham,\n,hello\n", COLUMNS, "not one of 2 texts has both words and a class"),
        ("folder,body\nham,a,b\nspam,c\n", COLUMNS, "line 2: found 3 cells"),
        ('folder,body\nham,"never closed\n', COLUMNS, "never closed"),
        ("folder,folder\nham,a\n", COLUMNS, "both called 'folder'"),
        ("folder,body\nham,café\n".encode("latin-1"), COLUMNS, "is 0xe9, which is not utf-8"),
        (b"folder,body\nham,a\x00b\n", COLUMNS, "NUL"),
        (b"PK\x03\x04rest of a workbook", COLUMNS, "Excel"),
        ("folder,body\n" + "".join(f"{n},text {n}\n" for n in range(30)), COLUMNS, "30 different classes for 30 texts"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_in_a_sentence(
    content: str | bytes, settings: dict[str, Any], words: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError) as refused:
        read(table(tmp_path, content), **settings)
    assert words in str(refused.value)
    assert "mail.csv" in str(refused.value)


@pytest.mark.parametrize(
    ("make", "settings", "words"),
    [
        (lambda folder: folder, {}, "holds no texts in folders of their classes; it is empty"),
        (lambda folder: tree(folder, {"a.md": "x"}), {}, "holds no texts in folders of their classes; found a.md"),
        (lambda folder: tree(folder, {"a.txt": "x", "b.txt": "y"}), {}, "nothing says their classes"),
        (lambda folder: tree(folder, {"all/good/a.txt": "x", "all/bad/b.txt": "y"}), {}, "set path to"),
        (lambda folder: tree(folder, {"good/a.txt": "", "bad/b.txt": " \n"}), {}, "not one of 2 texts"),
        (lambda folder: tree(folder, {**many(), **bad_files(3)}), {}, "3 of 23 files cannot be used"),
        (lambda folder: tree(folder, {**many(), **bad_files(3)}), {}, "or state `unusable: skip`"),
        (lambda folder: tree(folder, bad_files(2)), {}, "2 of 2 files cannot be used"),
        (lambda folder: tree(folder, many()), COLUMNS, "this is a folder"),
        (lambda folder: folder / "nowhere", {}, "there is no such file"),
    ],
)
def test_a_folder_that_cannot_be_used_is_refused_in_a_sentence(
    make: Callable[[Path], Path], settings: dict[str, Any], words: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError) as refused:
        read(make(tmp_path), **settings)
    assert words in str(refused.value)
    assert tmp_path.name in str(refused.value)


def bad_files(count: int) -> dict[str, str | bytes]:
    return {f"good/odd{row}.txt": b"\xff\xff" for row in range(count)}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"encoding": "klingon"}, "must be an encoding such as utf-8"),
        ({"encoding": "base64"}, "must be an encoding such as utf-8"),
        ({"columns": 3}, "Extra inputs"),
        ({"header": "no"}, "boolean"),
        ({"text": True}, "text"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        TextSettings(kind="text", path="mail.csv", **settings)


@pytest.mark.parametrize(
    ("header", "names"),
    [
        ("body,folder", ("body", "folder")),
        ("the text!,../../class", ("the_text", "class")),  # a field's name is a file's name
        ("текст,класс", ("text", "class")),
        ("Text,text", ("Text", "text_class")),
    ],
)
def test_fields_are_called_after_their_columns_in_plain_signs(
    header: str, names: tuple[str, str], tmp_path: Path
) -> None:
    data = read(table(tmp_path, f"{header}\na,x\nb,y\nc,x\n"), text=1, target=2)
    assert (data.schema.inputs[0].name, data.schema.target.name) == names


def test_a_huge_file_is_read_no_further_than_needed(tmp_path: Path) -> None:
    folder = tree(tmp_path, many())
    with (folder / "good" / "huge.txt").open("wb") as file:
        file.write(b"word " * MAX_TEXT_BYTES)
        file.truncate(2**40)  # a tebibyte, of which nothing is stored
    data = read(folder)
    assert len(data.part.target) == 21
    assert data.part.inputs[0].shape[1] == MAX_TEXT_BYTES
