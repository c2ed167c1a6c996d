"""What two runs say differently, and is the same; and what is not."""

from __future__ import annotations

import pytest

from dirsync_nb.notebooks.stable import keep_same, steadied, without_cell_file

RECEIPT = "<Receipt /users (directory={}): {:,} rows, 3 pages, 1 request, {:.2f} s, {}complete>"
UUIDS = ("0b9c6a6e-6f0e-4a53-9b8b-0d1f0c5f7a01", "7f9c6a6e-6f0e-4a53-9b8b-0d1f0c5f7a02")
SAME = {
    "receipt": (
        RECEIPT.format("d1", 9, 0.01, ""),
        RECEIPT.format("d1", 9, 12.5, "waited 0.2 s (429, pacing), "),
    ),
    "places": ("[<A object at 0x7f4d76574050>, <function f at 0x7f4d76574051>]",) * 2,
    "place": ("<A object at 0x7f4d76574050>", "<A object at 0x55ab12>"),
    "task": ("<Task pending name='Task-7' coro=<s()>>", "<Task pending name='Task-81' coro=<s()>>"),
    "tqdm": (
        "x: 100%|██| 3/3 [00:00<00:00, 96.7it/s, a=1]",
        "x: 100%|██| 3/3 [01:02:03<00:00,  1.25s/it, a=1]",
    ),
    "tqdm without a total": ("2it [00:00,  4.98it/s]", "2it [00:01, 1.10s/it]"),
    "tqdm at its begin": (" 0%|   | 0/3 [00:00<?, ?it/s]", " 0%|   | 0/3 [00:02<?, ?it/s]"),
    "%time": (
        "CPU times: user 3 μs, sys: 1 μs\nWall time: 6.9 μs\n7",
        "CPU times: user 2 ms\nWall time: 1min 2s\n7",
    ),
    "%timeit": (
        "1.02 μs ± 10 ns per loop (mean ± std. dev. of 7 runs, 100 loops each)",
        "3 ms ± 0.1 ms per loop (mean ± std. dev. of 7 runs, 10 loops each)",
    ),
    "port": ("http://127.0.0.1:43211/x http://[::1]:80801", "http://127.0.0.1:9999/x http://[::1]:1234"),
    "folder": ("/tmp/tmpab12_x9z/a.csv", "/tmp/tmpqwertyui/a.csv"),
    "warning": (
        "/tmp/ipykernel_12/345.py:3: UserWarning: a",
        "/var/folders/a/T/ipykernel_9/1.py:3: UserWarning: a",
    ),
    "Styler": ('<td id="T_0a1b2_row0" class="data">', '<td id="T_ffff0_row0" class="data">'),
    "plotly": tuple(f'<div id="{one}"></div><script>newPlot("{one}")</script>' for one in UUIDS),
    "folium": ('<div id="map_' + "0a" * 16 + '">', '<div id="map_' + "f1" * 16 + '">'),
    "models": ("IPY_MODEL_" + "0a" * 16, "IPY_MODEL_" + "1b" * 16),
    "pandas": ("<style scoped>a</style>\n<table>", "<style scoped>b\n</style><table>"),
}
DIFFERENT = [
    (RECEIPT.format("d1", 9, 0.1, ""), RECEIPT.format("d1", 8, 0.1, "")),
    (RECEIPT.format("d1", 9, 0.1, ""), RECEIPT.format("d1", 9, 0.1, "NOT ")),
    ("x: 100%|██| 3/3 [00:00<00:00, 9it/s]", "x: 100%|██| 4/4 [00:00<00:00, 9it/s]"),
    ("took 1.2 s", "took 1.3 s"),
    UUIDS,  # an id of a provider, say
    ("listens on 10.0.0.1:8000", "listens on 10.0.0.1:8001"),
    ("/tmp/ipykernel_1/2.py:3: UserWarning: a", "/tmp/ipykernel_1/2.py:3: UserWarning: b"),
    ("{'a', 'b'}", "{'b', 'a'}"),
    (f'<b id="{UUIDS[0]}"></b>{UUIDS[1]}', f'<b id="{UUIDS[0]}"></b>{UUIDS[0]}'),
]


@pytest.mark.parametrize("pair", SAME.values(), ids=SAME)
def test_what_differs_in_every_run_and_means_nothing_is_the_same(pair):
    one, other = map(steadied, pair)
    assert one == other
    assert steadied(one) == one


@pytest.mark.parametrize("pair", DIFFERENT)
def test_what_means_something_stays_different(pair):
    assert steadied(pair[0]) != steadied(pair[1])


def test_outputs_that_say_the_same_stay_as_they_were():
    old = [{"output_type": "execute_result", "data": {"text/plain": [SAME["place"][0]]}, "execution_count": 3}]
    new = [{"output_type": "execute_result", "data": {"text/plain": SAME["place"][1]}, "execution_count": 4}]
    assert keep_same(old, new) is old
    new[0]["data"]["text/plain"] += "!"
    assert keep_same(old, new) is new


def test_a_warning_keeps_its_line_and_its_words():
    outputs = [{"text": ["/tmp/ipykernel_12/345.py:3: UserWarning: a\n", "  look()"], "n": 1}]
    assert without_cell_file(outputs) == [{"text": ["ipykernel.py:3: UserWarning: a\n", "  look()"], "n": 1}]


def test_long_lines_cost_no_time():
    """Each would take minutes with a pattern that looks again from every letter."""
    for text in ("aB3/" * 100_000, "| " * 100_000, "1 " * 100_000, "<td>1 ± 2</td>" * 20_000):
        assert steadied(text) == text
