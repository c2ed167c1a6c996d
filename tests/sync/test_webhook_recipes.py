"""The recipes as they are shown, run on this machine, fed by the sandbox's own signed deliveries."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterator
from itertools import count
from types import ModuleType
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest
import requests
import uvicorn

from dirsync_nb import webhooks
from dirsync_nb.sync.webhook_recipes import RECIPES

SECRET = "whsec_fjord_demo"
NUMBERS = count()
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


@pytest.fixture(params=RECIPES)
def served(request, monkeypatch) -> Iterator[tuple[ModuleType, str]]:
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
    monkeypatch.setenv("WEBHOOK_SECRET", sandbox.add_webhook(url)["secret"])
    user = sandbox.add_user(okta, email="zoe@x.example", first_name="Zoë")
    event = json.loads(module.inbox.get(timeout=10))
    assert (event["event"], event["data"]["id"]) == ("dsync.user.created", user)


def test_a_recipe_is_a_few_lines():
    assert all(len(text.splitlines()) <= 32 for text in RECIPES.values())
