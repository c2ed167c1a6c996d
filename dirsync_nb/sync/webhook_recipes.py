"""Endpoints that receive webhooks, for FastAPI, Flask, Django and Express.

They verify the raw body, answer at once, and work later. Each text is a file of an app, on the official SDK;
``RECIPES`` holds them by the framework's name. ``WEBHOOK_SECRET`` is its secret, ``whsec_`` included. What
comes is put into ``inbox``, a queue that a worker of yours empties: a delivery comes again when the answer
takes too long. It may come twice and in any order, so drop the event ids you know, and let it only wake a
worker that reads ``/events``, or treat it as :func:`dirsync_nb.sync.replay` does.
"""

from __future__ import annotations

FASTAPI = """\
import os
import queue

from fastapi import FastAPI, HTTPException, Request, Response
from workos import WorkOSClient

app, inbox = FastAPI(), queue.Queue()
workos = WorkOSClient(api_key=os.environ["WORKOS_API_KEY"])


@app.post("/hooks/workos")
async def receive(request: Request) -> Response:
    body = await request.body()  # the bytes as they came, not request.json()
    signature = request.headers.get("WorkOS-Signature", "")
    try:
        workos.webhooks.verify_header(
            event_body=body, event_signature=signature, secret=os.environ["WEBHOOK_SECRET"]
        )
    except (ValueError, TypeError):
        raise HTTPException(400) from None
    inbox.put(body)
    return Response(status_code=204)
"""

FLASK = """\
import os
import queue

from flask import Flask, abort, request
from workos import WorkOSClient

app, inbox = Flask(__name__), queue.Queue()
workos = WorkOSClient(api_key=os.environ["WORKOS_API_KEY"])


@app.post("/hooks/workos")
def receive():
    body = request.get_data()  # the bytes as they came, not request.json
    signature = request.headers.get("WorkOS-Signature", "")
    try:
        workos.webhooks.verify_header(
            event_body=body, event_signature=signature, secret=os.environ["WEBHOOK_SECRET"]
        )
    except (ValueError, TypeError):
        abort(400)
    inbox.put(body)
    return "", 204
"""

DJANGO = """\
import os
import queue

from django.http import HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from workos import WorkOSClient

inbox = queue.Queue()
workos = WorkOSClient(api_key=os.environ["WORKOS_API_KEY"])


@csrf_exempt  # the signature says who sent it
@require_POST
def receive(request):
    signature = request.headers.get("WorkOS-Signature", "")
    try:
        workos.webhooks.verify_header(
            event_body=request.body, event_signature=signature, secret=os.environ["WEBHOOK_SECRET"]
        )
    except (ValueError, TypeError):
        return HttpResponse(status=400)
    inbox.put(request.body)
    return HttpResponse(status=204)


urlpatterns = [path("hooks/workos", receive)]
"""

EXPRESS = """\
import express from "express";
import { WorkOS } from "@workos-inc/node";

const workos = new WorkOS(process.env.WORKOS_API_KEY);
const app = express();
export const inbox = [];

// The bytes as they came: no express.json() before this route.
app.post("/hooks/workos", express.raw({ type: () => true, limit: "2mb" }), async (request, response) => {
  let body;
  try {
    body = request.body.toString("utf8"); // no bytes, no signature: refused as well
    await workos.webhooks.verifyHeader({
      payload: body,
      sigHeader: request.get("WorkOS-Signature"),
      secret: process.env.WEBHOOK_SECRET,
    });
  } catch {
    return response.sendStatus(400);
  }
  inbox.push(body);
  response.sendStatus(204);
});

export const server = app.listen(process.env.PORT ?? 3000);
"""

RECIPES = {"fastapi": FASTAPI, "flask": FLASK, "django": DJANGO, "express": EXPRESS}
