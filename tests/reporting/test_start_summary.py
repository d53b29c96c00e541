"""What the report says of a contender that began with another's weights."""

from pipelines.reporting.page.start_summary import summarize_start


def test_the_origin_its_rows_and_what_was_drawn_anew_are_said() -> None:
    start = {"origin": "many-cnn", "seen": "other rows", "kept": ["a", "b"], "drawn": ["head"], "frozen": ["a"]}
    assert summarize_start({"start": start}) == (
        "It began with the weights of many-cnn: 2 of 3 layers were taken over, drawn anew were head, and a stayed as "
        "they were. These weights have learned from other rows. "
    )
    many = {**start, "drawn": [], "frozen": [f"blocks.{number}" for number in range(7)]}
    assert "none was drawn anew, and blocks.0, blocks.1, blocks.2, blocks.3, blocks.4 and 2 more stayed" in (
        summarize_start({"start": many})
    )
    assert summarize_start({}) == ""
