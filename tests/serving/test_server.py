"""The server as a process: it says where it is, answers over a socket, and ends when told to."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest
from helpers.scripts import ROOT

from alexnet_jax import InputError
from alexnet_jax.serving.server import listen

# A request of each second is still being answered when the process is told to stop.
CODE = """
import asyncio
from alexnet_jax.serving.server import listen, serve

async def app(scope, receive, send):
    body = b""
    while (message := await receive()).get("more_body"):
        body += message["body"]
    if scope["path"] == "/slow":
        print("computing", flush=True)
        await asyncio.sleep(0.3)
    text = str(len(body) + len(message["body"])).encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": text})

serve(app, listen(0), lambda address: print(address, flush=True))
print("ended", flush=True)
"""


@pytest.fixture
def process() -> Iterator[subprocess.Popen[str]]:
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    with subprocess.Popen(
        [sys.executable, "-c", CODE],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": path},
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.exhaustive)]
)
def test_a_signal_ends_it_after_the_last_answer(
    process: subprocess.Popen[str], number: signal.Signals
) -> None:
    """With status 0, on 127.0.0.1 alone; the address is printed once it is answered."""
    assert process.stdout is not None
    address = process.stdout.readline()
    host, port = address.strip("/\n").removeprefix("http://").split(":")
    assert host == "127.0.0.1"
    with pytest.raises(ConnectionRefusedError):  # another address of this machine
        socket.create_connection(("127.0.0.2", int(port)), timeout=300)
    with contextlib.closing(http.client.HTTPConnection(host, int(port), timeout=300)) as browser:
        browser.request("POST", "/", bytes(30_000_000))
        assert browser.getresponse().read() == b"30000000"
        browser.request("GET", "/slow")
        assert process.stdout.readline() == "computing\n"
        process.send_signal(number)
        answer = browser.getresponse()
        assert (answer.status, answer.read()) == (200, b"0")
        assert "server" not in answer.headers
    out, err = process.communicate(timeout=300)
    assert (process.returncode, out, err) == (0, "ended\n", "")


def test_a_port_that_is_taken() -> None:
    with listen(0) as listener:
        port = listener.getsockname()[1]
        assert listener.getsockname()[0] == "127.0.0.1"
        with pytest.raises(
            InputError, match=f"^port {port} is taken; give another with --port, or"
        ):
            listen(port)
