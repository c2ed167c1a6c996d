"""What a notebook's page does with the messages of a cell, and nbval does not.

A page replaces a display that is brought up to date, forgets what is cleared, and puts into an output widget
(as ``interact`` makes one) what is shown inside it; a semicolon at the end of a cell hides its value. nbval
knows displays and streams alone, and would compare with something else than what JupyterLab or nbclient stored.
"""

from __future__ import annotations

from typing import Any

__all__ = ["FrontEnd"]

_SHOWN = ("display_data", "execute_result", "stream")


class FrontEnd:
    """The page of one notebook under nbval.

    Parameters
    ----------
    file
        nbval's collector of the notebook; from now on it gets its messages from here.
    """

    def __init__(self, file: Any) -> None:
        self._client = file.kernel.kc
        file.kernel.execute_cell_input = self._execute
        self._get = file.get_kernel_message
        file.get_kernel_message = self._next
        self._cell: Any = None
        self._request = ""
        self._clear_first = False
        self._places: dict[str, list[int]] = {}  # of displays that can be brought up to date
        self._outputs: set[str] = set()  # comms of output widgets
        self._open: list[str] = []  # those that take what is shown, the last one first

    def begin(self, cell: Any) -> None:
        """Get ready for the next cell."""
        self._cell, self._request, self._clear_first = cell, "", False
        self._places, self._open = {}, []

    def _execute(self, source: str, allow_stdin: bool | None = None) -> Any:
        """Execute as a page does: with a history, without which IPython sees no semicolon."""
        return self._client.execute(source, allow_stdin=allow_stdin, stop_on_error=False)

    def _next(self, timeout: float | None = None, stream: str = "iopub") -> Any:
        """Return the next message that nbval is to see."""
        while True:
            message = self._get(timeout, stream)
            if self._is_for_nbval(message):
                return message

    def _is_for_nbval(self, message: Any) -> bool:
        kind, content = message["msg_type"], message["content"]
        asked_by = message["parent_header"].get("msg_id", "")
        if kind == "execute_input":
            self._request = asked_by
        if asked_by != self._request:
            return True
        if kind in ("comm_open", "comm_msg"):
            self._follow(content)
        elif kind == "clear_output":
            self._clear(wait=content.get("wait", False))
        elif kind == "update_display_data":
            self._update(content)
        elif kind in _SHOWN:
            return self._show(content)
        return kind not in ("clear_output", "update_display_data")

    def _follow(self, content: Any) -> None:
        """Note which output widget takes what is shown from here on."""
        comm, state = content["comm_id"], content.get("data", {}).get("state", {})
        if state.get("_model_name") == "OutputModel":
            self._outputs.add(comm)
        if comm in self._outputs and "msg_id" in state:
            self._open = [one for one in self._open if one != comm]
            if state["msg_id"] == self._request:
                self._open.append(comm)

    def _clear(self, *, wait: bool) -> None:
        if not self._open:
            self._clear_first = True
            if not wait:
                self._forget()

    def _forget(self) -> None:
        """Take away what was cleared."""
        if self._clear_first:
            self._cell.test_outputs.clear()
            self._places, self._clear_first = {}, False

    def _update(self, content: Any) -> None:
        for place in self._places.get(content.get("transient", {}).get("display_id"), ()):
            self._cell.test_outputs[place].update(data=content["data"], metadata=content["metadata"])

    def _show(self, content: Any) -> bool:
        if self._open:
            return False
        self._forget()
        display_id = content.get("transient", {}).get("display_id")
        if display_id:
            self._places.setdefault(display_id, []).append(len(self._cell.test_outputs))
        return True
