"""The simulation behind the champion rule, in its short form."""

import pytest

from benchmarks.audit.champion import GAPS, MARGIN, ROWS, check_agreement, check_cells, format_cells, simulate_rules
from pipelines.evaluation.champion import RULES


def test_the_default_rule_costs_no_more_than_the_best_score_and_saves_where_rows_are_many() -> None:
    cells = simulate_rules(competitions=300)
    assert len(cells) == len(RULES) * len(GAPS) * len(ROWS)
    assert [finding for finding in check_cells(cells) if not finding.holds] == []
    regret = {(cell.rule, cell.gap, cell.rows): cell.regret for cell in cells}
    assert regret["tied", 0.02, 178] > 3 * regret["noninferior", 0.02, 178], "what the rule was before"
    by_chance = [cell for cell in cells if (cell.rule, cell.gap, cell.rows) == ("noninferior", MARGIN, max(ROWS))]
    assert by_chance[0].cheap_share == pytest.approx(0.05, abs=0.04), "what is worse by the margin ships so often"
    assert len(format_cells(cells).splitlines()) == 1 + len(GAPS) * len(ROWS)


def test_the_simulation_decides_as_the_project_does_from_rows() -> None:
    finding = check_agreement(competitions=12)
    assert finding.holds, finding.found
