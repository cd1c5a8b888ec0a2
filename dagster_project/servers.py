"""The web pages of Dagster and MLflow on the loopback interface, until interrupted.

`strata ui` becomes this process. It imports only the standard library, so that waiting takes little memory.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType

HOST = "127.0.0.1"
DAGSTER_PORT, MLFLOW_PORT = 3000, 5000
SECONDS_TO_END = 15


def serve(home: Path, workspace: Path, store: str, artifacts: str, page: str) -> int:
    """Serve until interrupted and return the exit code; the output of the servers goes to <home>/logs.

    `workspace` lists what Dagster loads, `store` and `artifacts` belong to MLflow, and `page` is MLflow's first page.
    """
    port = next((port for port in (DAGSTER_PORT, MLFLOW_PORT) if _is_taken(port)), None)
    if port:
        print(f"Stopped: another program uses port {port} of {HOST}. End it first.", file=sys.stderr)
        return 1
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    running: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for name, command in commands(workspace, store, artifacts).items():
            running[name] = _start(command, _log(home, name))
        print(f"Dagster  http://{HOST}:{DAGSTER_PORT}", file=sys.stderr)
        print(f"MLflow   http://{HOST}:{MLFLOW_PORT}/{page}", file=sys.stderr)
        print("Both need a few seconds to start. Ctrl-C ends both.", file=sys.stderr, flush=True)
        return _wait(home, running)
    except KeyboardInterrupt:
        return 0
    finally:
        _end(list(running.values()))


def _wait(home: Path, running: Mapping[str, subprocess.Popen[bytes]]) -> int:
    """Wait until a server ends by itself, and return the exit code for that."""
    while True:
        ended = [name for name, process in running.items() if process.poll() is not None]
        if ended:
            print(f"Stopped: {ended[0]} ended by itself. See {_log(home, ended[0])}", file=sys.stderr)
            return 1
        time.sleep(1)


def commands(workspace: Path, store: str, artifacts: str) -> dict[str, list[str]]:
    """Return the command of each server; both listen only on the loopback interface of this machine."""
    dagster = ["dagster", "dev", "--workspace", str(workspace), "--host", HOST, "--port", str(DAGSTER_PORT)]
    mlflow = ["mlflow", "server", "--backend-store-uri", store, "--artifacts-destination", artifacts]
    mlflow += ["--host", HOST, "--port", str(MLFLOW_PORT), "--workers", "1"]
    return {"dagster": dagster, "mlflow": mlflow}


def _start(command: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    """Start a server in a separate session, so that Ctrl-C reaches it only through this process."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-m", *command], stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )


def _end(running: Sequence[subprocess.Popen[bytes]]) -> None:
    """Ask the servers to end, wait, then kill their remaining processes."""
    for process in running:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGINT)
    limit = time.monotonic() + SECONDS_TO_END
    for process in running:
        with suppress(subprocess.TimeoutExpired):
            process.wait(max(0.1, limit - time.monotonic()))
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _is_taken(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex((HOST, port)) == 0


def _log(home: Path, name: str) -> Path:
    return home / "logs" / f"{name}.log"


if __name__ == "__main__":
    sys.exit(serve(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:]))
