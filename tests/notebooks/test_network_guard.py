"""Kept to this machine: what is refused and named, what stays open, and who inherits it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from dirsync_nb.notebooks import network_guard as outbound

# Should the guard fail, nothing of this leads anywhere: numbers of RFC 5737 and 3849, names that are reserved.
TRIES = {
    "connect": "socket.socket().connect(('192.0.2.7', 443))",
    "connect_ex": "socket.socket().connect_ex(('192.0.2.7', 443))",
    "a method kept before": "kept(socket.socket(), ('192.0.2.7', 443))",
    "the C socket": "_socket.socket().connect(('192.0.2.7', 443))",
    "version 6": "socket.socket(socket.AF_INET6).connect(('2001:db8::7', 443))",
    "a mapped number": "socket.socket(socket.AF_INET6).connect(('::ffff:192.0.2.7', 443))",
    "a name, not looked up": "socket.socket().connect(('people.example.com', 443))",
    "create_connection": "socket.create_connection(('people.example.com', 443))",
    "getaddrinfo": "socket.getaddrinfo('people.example.com', 443)",
    "bytes": "socket.getaddrinfo(b'people.example.com', 443)",
    "gethostbyname": "socket.gethostbyname('people.example.com')",
    "gethostbyname_ex": "socket.gethostbyname_ex('people.example.com')",
    "gethostbyaddr": "socket.gethostbyaddr('192.0.2.7')",
    "getnameinfo": "socket.getnameinfo(('192.0.2.7', 443), 0)",
    "sendto": "udp().sendto(b'x', ('192.0.2.7', 53))",
    "sendto with flags": "udp().sendto(b'x', 0, ('192.0.2.7', 53))",
    "sendmsg": "udp().sendmsg([b'x'], [], 0, ('192.0.2.7', 53))",
    "asyncio by name": "asyncio.run(asyncio.open_connection('people.example.com', 443))",
    "asyncio by number": "asyncio.run(asyncio.open_connection('192.0.2.7', 443))",
    "urllib": "urllib.request.urlopen('https://people.example.com')",
    "requests": "requests.get('https://people.example.com')",
    "a user in the address": "requests.get('https://localhost@people.example.com')",
    "a name that begins like ours": "socket.getaddrinfo('localhost.people.example.com', 443)",
}
OPEN = {
    "loopback": "here()",
    "loopback by name": "here('localhost')",
    "any number of 127": "here('127.3.2.1')",
    "unspecified": "here('0.0.0.0')",
    "loopback of version 6": "socket.getaddrinfo('::1', 80)",
    "a name under localhost": "outbound._is_here('people.localhost') or 1 / 0",
    "no name": "socket.getaddrinfo(None, 80)",
    "this machine's name": "socket.getfqdn()",
    "a number is not looked up": "socket.getaddrinfo('192.0.2.7', 443)",
    "a unix socket": "unix()",
    "a pair": "pair()",
    "asyncio here": "asyncio.run(loop_here())",
}
SCRIPT = """
import asyncio, json, os, pathlib, socket, _socket, sys, tempfile, urllib.request
import requests
from dirsync_nb.notebooks import network_guard as outbound

kept = socket.socket.connect

def udp():
    return socket.socket(type=socket.SOCK_DGRAM)

def here(host="127.0.0.1"):
    with socket.create_server(("0.0.0.0", 0)) as server:
        socket.create_connection((host, server.getsockname()[1])).close()

def unix():
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as server:
        server.bind(folder + "/s")
        server.listen()
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(folder + "/s")

def pair():
    one, other = socket.socketpair()
    one.sendall(b"x")
    assert other.recv(1) == b"x"

async def loop_here():
    server = await asyncio.start_server(lambda r, w: w.close(), "127.0.0.1", 0)
    await asyncio.open_connection(*server.sockets[0].getsockname())
    server.close()

log = pathlib.Path(sys.argv[1])
outbound.refuse(log)
said, offset = {}, 0
for name, source in json.load(sys.stdin).items():
    try:
        eval(source)
        said[name] = "open"
    except Exception as error:
        said[name] = str(error)
    noted, offset = outbound.read(log, offset)
    said[name] = [said[name], sorted({address for word, address in noted if word == "refused"})]
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    log = tmp_path_factory.mktemp("outbound") / "log"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SCRIPT, str(log)],
        input=json.dumps(TRIES | OPEN),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("way", TRIES)
def test_every_way_out_is_refused_and_its_address_is_said_and_noted(said, way):
    words, noted = said[way]
    assert len(noted) == 1
    assert (
        noted[0].removeprefix("[").startswith(("192.0.2.7", "2001:db8::7", "::ffff:", "people.", "localhost.p"))
    )
    assert f"a connection to {noted[0]} was refused: this run may reach this machine only" in words


@pytest.mark.parametrize("way", OPEN)
def test_this_machine_stays_open(said, way):
    assert said[way] == ["open", []]


def test_asking_for_ones_own_address_is_refused_but_is_no_attempt(tmp_path):
    """A UDP socket that is connected sends nothing; Dask asks for its own address that way."""
    script = (
        "import pathlib, socket, sys\nfrom dirsync_nb.notebooks import network_guard as outbound\n"
        "outbound.refuse(pathlib.Path(sys.argv[1]))\n"
        "try:\n    socket.socket(type=socket.SOCK_DGRAM).connect(('192.0.2.7', 53))\n"
        "except outbound.OutboundRefused:\n    print('refused')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, tmp_path / "log"], capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "refused\n", done.stderr
    assert outbound.read(tmp_path / "log")[0] == [(outbound.GUARDED, "")]


def test_children_and_their_children_refuse_and_a_sitecustomize_of_ones_own_still_runs(tmp_path):
    ours, theirs, log = tmp_path / "ours", tmp_path / "theirs", tmp_path / "log"
    ours.mkdir()
    theirs.mkdir()
    (theirs / "sitecustomize.py").write_text("import sys; print('theirs', __name__)")
    outbound.write_sitecustomize(ours, log)
    child = tmp_path / "child.py"
    child.write_text(
        "import socket, subprocess, sys\n"
        "try:\n    socket.getaddrinfo('people.example.com', 443)\n"
        "except OSError as error:\n    print(type(error).__name__, flush=True)\n"
        "if len(sys.argv) == 1:\n    subprocess.run([sys.executable, __file__, 'again'], check=True)\n"
    )
    environment = outbound.kept_here({**os.environ, "PYTHONPATH": str(theirs)}, ours)
    done = subprocess.run(
        [sys.executable, child], env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.split() == ["theirs", "sitecustomize", "OutboundRefused"] * 2
    noted, _ = outbound.read(log)
    assert noted == [(outbound.GUARDED, ""), (outbound.REFUSED, "people.example.com:443")] * 2


def test_an_environment_that_is_kept_here_has_no_key_no_server_and_no_proxy(tmp_path):
    """A proxy on this machine would be a way out that looks like loopback."""
    before = {
        "PATH": "/bin",
        "PYTHONPATH": "mine",
        "WORKOS_API_KEY": "a key",
        "WORKOS_BASE_URL": "https://api.workos.com",
        "HTTPS_PROXY": "http://127.0.0.1:3128",
        "all_proxy": "socks5://127.0.0.1:1080",
        "NO_PROXY": "localhost",
    }
    given = dict(before)
    assert outbound.kept_here(given, tmp_path) == {
        "PATH": "/bin",
        "NO_PROXY": "localhost",
        "PYTHONPATH": os.pathsep.join([str(tmp_path), "mine"]),
    }
    assert given == before


def test_it_can_be_undone_in_the_process_that_asked_for_it(tmp_path):
    script = (
        "import pathlib, socket, sys\nfrom dirsync_nb.notebooks import network_guard as outbound\n"
        "def name():\n"
        "    try:\n        socket.getaddrinfo('people.invalid', 443)\n"
        "    except OSError as error:\n        return type(error).__name__\n"
        "outbound.refuse(pathlib.Path(sys.argv[1]))\nprint(name())\n"
        "outbound.allow()\noutbound._hook('socket.connect', (socket.socket(), ('192.0.2.7', 1)))\n"
        "outbound.refuse(pathlib.Path(sys.argv[1]))\nprint(name())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, tmp_path / "log"], capture_output=True, text=True, timeout=60
    )
    assert done.stdout.split() == ["OutboundRefused"] * 2, done.stderr
