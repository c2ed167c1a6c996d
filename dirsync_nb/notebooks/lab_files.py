"""What ``dirsync-nb lab`` hands to JupyterLab: notebooks that opening does not change, and settings."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .kernels import QUIET

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .kernels import Place

__all__ = ["configure", "copy_pictures", "ready", "trust"]


def ready(path: Path) -> str:
    """Return a notebook with what JupyterLab notes of this machine, so that opening it changes nothing."""
    import nbformat
    from ipykernel.ipkernel import IPythonKernel
    from jupyter_client.kernelspec import get_kernel_spec

    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    spec = get_kernel_spec("python3")
    named = {"display_name": spec.display_name, "language": spec.language, "name": "python3"}
    notebook.metadata["kernelspec"] = named
    notebook.metadata["language_info"] = dict(IPythonKernel.language_info)
    return f"{nbformat.writes(notebook)}\n"  # type: ignore[no-untyped-call]


def copy_pictures(notebooks: Iterable[Path], folder: Path) -> None:
    """Copy the pictures that stand beside notebooks and are not there yet."""
    for home in {path.parent / "pictures" for path in notebooks}:
        for picture in home.glob("*.png"):
            copy = folder / home.name / picture.name
            if not copy.exists():
                copy.parent.mkdir(exist_ok=True)
                copy.write_bytes(picture.read_bytes())


def trust(paths: Iterable[Path]) -> None:
    """Sign notebooks, as ``jupyter trust`` does, so that JupyterLab shows their stored tables."""
    import nbformat
    from jupyter_core.paths import jupyter_data_dir
    from nbformat.sign import NotebookNotary

    with contextlib.suppress(OSError):  # Jupyter's folder is somebody else's: nothing is trusted
        Path(jupyter_data_dir()).mkdir(parents=True, exist_ok=True)
        # Where signatures cannot be kept, they hold for this run: nothing is to be said.
        notary = NotebookNotary(data_dir=jupyter_data_dir(), log=QUIET)  # type: ignore[no-untyped-call]
        for path in paths:
            notary.sign(nbformat.read(path, as_version=4))  # type: ignore[no-untyped-call]
        notary.store.close()  # which a garbage collector would, with a warning


def configure(place: Place, environment: Mapping[str, str]) -> dict[str, str]:
    """Write JupyterLab's configuration into the place; return the variables under which it reads it."""
    own: dict[str, Any] = {
        # It reads every setting of the server, deprecated ones too, which makes a warning.
        "ServerApp": {
            "jpserver_extensions": {"notebook_shim": False},
            # Else Tornado says of jupyter_server's own milliseconds that they are too many seconds.
            "logging_config": {"loggers": {"tornado.general": {"level": "ERROR"}}},
        },
        "KernelManager": place.transport(),
    }
    (place.folder / "jupyter_server_config.json").write_text(json.dumps(own))
    # Neither offer news nor look for updates; these are defaults, over which a person's settings win.
    quiet = {"@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False}}
    (place.folder / "labconfig").mkdir()
    (place.folder / "labconfig" / "default_setting_overrides.json").write_text(json.dumps(quiet))
    paths = [str(place.folder), environment.get("JUPYTER_CONFIG_PATH", "")]
    return {
        "JUPYTER_CONFIG_PATH": os.pathsep.join(filter(None, paths)),
        "JUPYTER_RUNTIME_DIR": str(place.folder),
    }
