"""What the processes of a run tell each other; alone, nothing changes."""

import socket
import time

import jax
import numpy as np
import pytest

from alexnet_jax.errors import InputError
from alexnet_jax.runtime import distributed, processes


@pytest.mark.parametrize(
    ("coordinator", "number", "count", "heartbeat", "complaint"),
    [
        ("none", 0, None, 100, "go with --coordinator HOST:PORT, got none"),
        ("auto", None, 2, 100, "go with --coordinator HOST:PORT, got auto"),
        ("localhost", 0, 2, 100, "must be HOST:PORT, auto or none, got 'localhost'"),
        ("localhost:port", 0, 2, 100, "got 'localhost:port'"),
        ("localhost:65536", 0, 2, 100, "got 'localhost:65536'"),
        ("a b:1", 0, 2, 100, "got 'a b:1'"),
        ("localhost:1", None, 2, 100, "needs --process-id and --num-processes"),
        ("localhost:1", 0, None, 100, "needs --process-id and --num-processes"),
        ("localhost:1", 2, 2, 100, r"--process-id must lie in \[0, 2\).*got 2"),
        ("localhost:1", -1, 2, 100, r"got -1"),
        ("localhost:1", 0, 0, 100, r"--process-id must lie in \[0, 0\)"),
        ("localhost:1", 0, 2, 0, "--heartbeat must be at least 1 second, got 0"),
        ("no.such.host.invalid:1", 0, 2, 100, "no host that is known: 'no.such.host.invalid'"),
    ],
)
def test_what_cannot_be_joined(
    coordinator: str, number: int | None, count: int | None, heartbeat: int, complaint: str
) -> None:
    with pytest.raises(InputError, match=complaint):
        distributed.join(coordinator, number, count, heartbeat)
    assert jax.process_count() == 1


@pytest.mark.parametrize(
    ("host", "addresses", "bound"),
    [
        ("localhost", ["127.0.0.1"], "127.0.0.1:7012"),
        ("127.0.0.1", ["127.0.0.1"], "127.0.0.1:7012"),
        ("[::1]", ["::1"], "[::1]:7012"),
        ("own-name", ["127.0.1.1"], None),
        ("two-addresses", ["127.0.0.1", "127.0.0.2"], None),
        ("192.0.2.1", ["192.0.2.1"], None),  # reserved for documents: no machine has it
        ("0.0.0.0", ["0.0.0.0"], "0.0.0.0:7012"),
    ],
)
def test_the_coordinator_listens_where_it_was_told(
    host: str, addresses: list[str], bound: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On all addresses only where the name does not say on which of them the others know it."""

    def resolve(name: str, port: int | None, type: int = 0) -> list[tuple[object, ...]]:
        assert name == host.strip("[]")
        families = [socket.AF_INET6 if ":" in one else socket.AF_INET for one in addresses]
        return [
            (family, 1, 6, "", (one, port)) for family, one in zip(families, addresses, strict=True)
        ]

    given: list[object] = []
    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(
        jax.distributed,
        "initialize",
        lambda *_, coordinator_bind_address, **__: given.append(coordinator_bind_address),
    )
    monkeypatch.delenv("JAX_COORDINATOR_BIND_ADDRESS", raising=False)
    distributed.join(f"{host}:7012", 0, 1, 100)
    monkeypatch.setenv("JAX_COORDINATOR_BIND_ADDRESS", "0.0.0.0:1")
    distributed.join(f"{host}:7012", 0, 1, 100)
    assert given == [bound, None]


def test_alone_nothing_changes() -> None:
    distributed.join("none", None, None, 100)
    assert processes.is_first()
    assert processes.on_all_processes(lambda: "value") == "value"
    assert processes.broadcast_from_first(7) == 7
    rows = np.arange(3)
    assert processes.elementwise_max(rows) is rows
    done: list[int] = []
    processes.on_first_process(lambda: done.append(1))
    assert done == [1]
    for error in (InputError("wrong"), OSError("full")):

        def fail(error: Exception = error) -> None:
            raise error

        with pytest.raises(type(error), match=str(error)):
            processes.on_all_processes(fail)


def test_an_array_is_whole_wherever_its_parts_are() -> None:
    mesh = jax.make_mesh((4,), ("x",), devices=jax.devices()[:4])
    values = np.arange(8.0, dtype=np.float32)
    for spec in (jax.P("x"), jax.P()):
        placed = jax.device_put(values, jax.NamedSharding(mesh, spec))
        np.testing.assert_array_equal(processes.gather_to_host(placed), values)
    np.testing.assert_array_equal(processes.gather_to_host(values), values)


def test_silence_is_told_once(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Of two processes, after half the heartbeat without a step, and again after the next step."""
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    with distributed.Watch(0.4) as watch:
        for _ in range(10):
            watch.alive()
            time.sleep(0.04)
        assert capfd.readouterr().err == ""
        for _ in range(2):
            watch.alive()
            time.sleep(0.6)
            assert capfd.readouterr().err.count("no step for 0 s; if another process has died") == 1


def test_a_run_of_one_process_is_not_watched(capfd: pytest.CaptureFixture[str]) -> None:
    with distributed.Watch(0.1):
        time.sleep(0.3)
    assert capfd.readouterr().err == ""
