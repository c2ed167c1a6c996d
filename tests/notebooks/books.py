"""Notebooks made by hand, as the JSON they are."""

from __future__ import annotations

from typing import Any

SPEC = {"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}}


def code(source="total = 1", outputs=(), count=1, **metadata) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "execution_count": count,
        "id": "c1",
        "metadata": metadata,
        "outputs": list(outputs),
        "source": source.splitlines(keepends=True),
    }


def prose(source, kind="markdown", **more) -> dict[str, Any]:
    return {"cell_type": kind, "id": "m1", "metadata": {}, "source": source, **more}


def shown(data, **metadata) -> dict[str, Any]:
    return {"output_type": "display_data", "data": data, "metadata": metadata}


def printed(text) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": text}


def notebook(*cells, **metadata) -> dict[str, Any]:
    return {"cells": list(cells), "metadata": {**SPEC, **metadata}, "nbformat": 4, "nbformat_minor": 5}


def state(name, value, **more) -> dict[str, Any]:
    model = {"model_module": "@jupyter-widgets/controls", "model_name": name, "state": {"value": value}, **more}
    return {"application/vnd.jupyter.widget-state+json": {"state": {"a1": model}, "version_major": 2}}
