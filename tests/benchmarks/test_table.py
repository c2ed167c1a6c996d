"""What benchmarks say of themselves: medians, spreads, and when something has grown slower."""

from __future__ import annotations

from ._table import middle, ratios, row, slower, table


def test_of_several_rounds_the_median_is_shown_with_the_spread():
    rounds = [[row("load", ours, 2.0), row("alone", ours)] for ours in (1.0, 3.0, 2.0)]
    load, alone = middle(rounds)
    assert (load["ours"], load["ratio to peer"], load["spread"]) == ("2.00 s", "1.00", "0.50 to 1.50")
    assert alone["spread"] is None
    assert "0.50 to 1.50" in table([load])


def test_a_ratio_counts_as_slower_beyond_its_spread_and_the_noise_alone():
    kept = {"load": [1.0, 1.1, 1.2], "gone": [1.0]}
    assert slower({"load": [1.3, 1.6, 1.7], "new": [9.0]}, kept) == []  # 1.3 is within 1.2 and 15 percent
    assert slower({"load": [1.4, 1.5, 1.6]}, kept) == ["load: ratio 1.50, and 1.10 was kept"]
    assert slower({"load": [0.1]}, kept) == []


def test_of_a_rate_more_is_better_and_refusals_are_no_part_of_its_name():
    few, many = (
        ratios([[row(f"users; refused: {n}", rate, floor=4.0, unit="/s")]]) for n, rate in ((0, 2.0), (7, 4.0))
    )
    assert slower(few, many) == ["users; refused: ratio 2.00, and 1.00 was kept"]
    assert slower(many, few) == []


def test_rows_without_a_ratio_are_not_kept():
    assert ratios([[row("load", 1.0, 2.0), row("alone", 1.0)], [row("load", 3.0, 2.0)]]) == {"load": [0.5, 1.5]}
