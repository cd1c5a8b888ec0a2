"""The pages of Dagster and MLflow on the loopback interface, until interrupted.

`strata ui` becomes this process: it imports nothing, so that waiting costs next to no memory.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType

HOST = "127.0.0.1"
DAGSTER_PORT, MLFLOW_PORT = 3000, 5000
SECONDS_TO_END = 15


def serve(home: Path, workspace: Path, store: str, artifacts: str, page: str) -> int:
    """Serve until interrupted and give the exit code; what the servers say goes to <home>/logs.

    `workspace` tells Dagster what to load, `store` and `artifacts` are MLflow's, `page` is where its reader begins.
    """
    taken = [port for port in (DAGSTER_PORT, MLFLOW_PORT) if _is_taken(port)]
    if taken:
        print(f"Stopped: something listens on port {taken[0]} of {HOST} already; end it first.", file=sys.stderr)
        return 1
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    running: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for name, command in commands(workspace, store, artifacts).items():
            running[name] = _start(command, _log(home, name))
        print(f"Dagster  http://{HOST}:{DAGSTER_PORT}", file=sys.stderr)
        print(f"MLflow   http://{HOST}:{MLFLOW_PORT}/{page}", file=sys.stderr)
        print("Both need some seconds to start; Ctrl-C ends both.", file=sys.stderr, flush=True)
        while all(process.poll() is None for process in running.values()):
            time.sleep(1)
        ended = next(name for name, process in running.items() if process.poll() is not None)
        print(f"Stopped: {ended} ended by itself; see {_log(home, ended)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    finally:
        _end(list(running.values()))


def commands(workspace: Path, store: str, artifacts: str) -> dict[str, list[str]]:
    """Give what starts each server; neither listens anywhere but on this machine's own interface."""
    dagster = ["dagster", "dev", "--workspace", str(workspace), "--host", HOST, "--port", str(DAGSTER_PORT)]
    mlflow = ["mlflow", "server", "--backend-store-uri", store, "--artifacts-destination", artifacts]
    mlflow += ["--host", HOST, "--port", str(MLFLOW_PORT), "--workers", "1"]
    return {"dagster": dagster, "mlflow": mlflow}


def _start(command: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    """Start a server in a session of its own, so that Ctrl-C reaches it through this process alone."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as words:
        return subprocess.Popen(
            [sys.executable, "-m", *command], stdin=subprocess.DEVNULL, stdout=words, stderr=words, start_new_session=True
        )


def _end(running: Sequence[subprocess.Popen[bytes]]) -> None:
    """Ask the servers to end, wait, then end whatever they started."""
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
