"""The recipes as they are shown, run on this machine, fed by the sandbox's own signed deliveries."""

from __future__ import annotations

import json
import os
import queue
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest
import requests
import uvicorn

from dirsync_nb import webhooks
from dirsync_nb.sync.webhook_recipes import RECIPES

SECRET = "whsec_fjord_demo"
NUMBERS = count()
WITH_NODE = bool(os.environ.get("DIRSYNC_NODE"))  # before tests get an environment without our variables
BODY = json.dumps({"id": "event_1", "event": "dsync.user.created", "data": {"first_name": "Zoë"}}).encode()


class Quiet(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None: ...


def wsgi_of(framework: str, module: ModuleType) -> Any:
    if framework == "flask":
        return module.app
    from django.conf import settings
    from django.core.handlers.wsgi import WSGIHandler

    if not settings.configured:
        settings.configure(ALLOWED_HOSTS=["127.0.0.1"], SECRET_KEY="x")
        import django

        django.setup()
    settings.ROOT_URLCONF = module.__name__
    return WSGIHandler()


@pytest.fixture(scope="module")
def node_modules(tmp_path_factory) -> Path:
    """A folder with Express and the official SDK in it, as npm has them today."""
    if not WITH_NODE:
        pytest.skip("needs npm and the network: set DIRSYNC_NODE=1")
    if shutil.which("node") is None or (npm := shutil.which("npm")) is None:
        assert not os.environ.get("CI"), "CI asks for this recipe and has no Node"
        pytest.skip("node or npm is not installed")
    folder = tmp_path_factory.mktemp("express")
    install = [
        npm,
        "i",
        "express@latest",
        "@workos-inc/node@latest",
        "--no-audit",
        "--no-fund",
        "--ignore-scripts",
    ]
    subprocess.run(install, cwd=folder, check=True, capture_output=True, timeout=180)
    (folder / "recipe.mjs").write_text(RECIPES["express"], "utf-8")
    (folder / "told.mjs").write_text(TOLD, "utf-8")
    return folder


TOLD = """\
import { inbox, server } from "./recipe.mjs";
inbox.push = (body) => console.log(JSON.stringify(body));
server.on("listening", () => console.log(server.address().port));
process.stdin.on("data", (secret) => {
  process.env.WEBHOOK_SECRET = secret.toString().trim();
  console.log("0");
});
"""


@contextmanager
def served_by_node(folder: Path, secret: str) -> Iterator[tuple[Any, str]]:
    """Run the recipe for Express; what it puts into its inbox comes into ours."""
    told: queue.Queue[Any] = queue.Queue()
    environment = {**os.environ, "WORKOS_API_KEY": "sk_test_recipe", "WEBHOOK_SECRET": secret, "PORT": "0"}
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "bufsize": 1}
    with subprocess.Popen(["node", "told.mjs"], cwd=folder, env=environment, **pipes) as node:
        stdin, stdout = node.stdin, node.stdout
        assert stdin is not None
        assert stdout is not None
        thread = threading.Thread(target=lambda: [told.put(json.loads(line)) for line in stdout], daemon=True)
        thread.start()

        def take(secret: str) -> None:
            stdin.write(f"{secret}\n")
            assert told.get(timeout=10) == 0

        port = told.get(timeout=60)
        made = SimpleNamespace(__name__="express", inbox=told, take=take)
        yield made, f"http://127.0.0.1:{port}/hooks/workos"
        node.kill()
        thread.join(10)


@pytest.fixture(params=RECIPES)
def served(request, monkeypatch) -> Iterator[tuple[ModuleType, str]]:
    if request.param == "express":
        folder = request.getfixturevalue("node_modules")
        with served_by_node(folder, SECRET) as made:
            yield made
        return
    pytest.importorskip(request.param)
    monkeypatch.setenv("WORKOS_API_KEY", "sk_test_recipe")
    monkeypatch.setenv("WEBHOOK_SECRET", SECRET)
    module = ModuleType(f"recipe_{request.param}_{next(NUMBERS)}")  # Django keeps the routes of a name
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(compile(RECIPES[request.param], module.__name__, "exec"), module.__dict__)
    if request.param == "fastapi":
        server = uvicorn.Server(uvicorn.Config(module.app, port=0, log_config=None, lifespan="off"))
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]

        def stop() -> None:
            server.should_exit = True
    else:
        wsgi: WSGIServer = make_server("127.0.0.1", 0, wsgi_of(request.param, module), handler_class=Quiet)
        thread = threading.Thread(target=wsgi.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        port = wsgi.server_port

        def stop() -> None:
            wsgi.shutdown()
            wsgi.server_close()

    yield module, f"http://127.0.0.1:{port}/hooks/workos"
    stop()
    thread.join(10)


def post(url: str, body: bytes, header: str | None) -> int:
    with requests.Session() as session:
        session.trust_env = False
        headers = {"Content-Type": "application/json"} | ({webhooks.SIGNATURE_HEADER: header} if header else {})
        return session.post(url, data=body, headers=headers, timeout=10).status_code


def test_a_recipe_takes_what_was_signed_and_refuses_the_rest(served):
    module, url = served
    signed = webhooks.sign(BODY, SECRET)
    assert post(url, BODY, signed) == 204
    assert json.loads(module.inbox.get(timeout=5))["id"] == "event_1"
    for body, header in (
        (BODY + b" ", signed),
        (BODY, None),
        (BODY, "nonsense"),
        (BODY, webhooks.sign(BODY, "whsec_other")),
        (BODY, webhooks.sign(BODY, SECRET, at=time.time() - 3600)),
    ):
        assert post(url, body, header) == 400
    assert module.inbox.empty()


def test_a_recipe_takes_what_the_sandbox_delivers(served, sandbox, okta, monkeypatch):
    module, url = served
    secret = sandbox.add_webhook(url)["secret"]
    monkeypatch.setenv("WEBHOOK_SECRET", secret)
    if module.__name__ == "express":
        module.take(secret)
    user = sandbox.add_user(okta, email="zoe@x.example", first_name="Zoë")
    event = json.loads(module.inbox.get(timeout=10))
    assert (event["event"], event["data"]["id"]) == ("dsync.user.created", user)


def test_a_recipe_is_a_few_lines():
    assert all(len(text.splitlines()) <= 32 for text in RECIPES.values())
