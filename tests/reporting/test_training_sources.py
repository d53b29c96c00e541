"""What the report says a contender learned from beside its labelled examples: other weights, unlabelled rows."""

from pipelines.reporting.page.training_sources import summarize_semi, summarize_start


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


def test_how_many_rows_without_a_label_were_learned_from_is_said() -> None:
    assert summarize_semi({"semi": {"method": "pretrain", "rows": 1407}}) == (
        "Before its training it learned to restore inputs, those of 1,407 rows without a label too. "
    )
    assert summarize_semi({"semi": {"method": "pseudo_label", "rows": 1}}) == (
        "It learned from 1 row without a label, too: from those whose class it was sure of. "
    )
    assert summarize_semi({}) == ""
