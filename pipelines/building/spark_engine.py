"""Run a function over ranges of people on Spark, on one machine or many.

Spark sends the function to the workers and returns small results. A worker reads its range from the files of the lake and writes its own
files into the lake, so every worker must reach the lake under the same path. Files of a failed attempt are never committed. Tested with
Spark 4; see docs/scaling.md.
"""

from __future__ import annotations

import importlib.util
import os
import pickle
import shutil
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pydantic import BaseModel, Field

from pipelines.errors import StrataError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ALTERNATIVE = "or set engine.kind to 'local'"
SECONDS_TO_END = 30.0
RESULT_SCHEMA = "place long, result binary"
# Set before Spark reads its own log settings, because it prints many lines while it starts.
QUIET_LOG = """
rootLogger.level = error
logger.gateway.name = org.apache.spark.api.python.PythonGatewayServer
logger.gateway.level = error
rootLogger.appenderRef.stderr.ref = console
appender.console.type = Console
appender.console.name = console
appender.console.target = SYSTEM_ERR
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = Spark: %p %c{1}: %m%n
"""


class SparkSettings(BaseModel, extra="forbid", frozen=True):
    """Where Spark runs if no session is active; an active session (Databricks, Fabric, a notebook) is used unchanged."""

    master: str | None = Field(default=None, description="Spark's master; the default is local[engine.threads]")
    options: Mapping[str, str] = Field(default={}, description="Spark options of the session that Strata starts")


def over_ranges_on_spark(
    function: Callable[[int, int], Any], ranges: Sequence[tuple[int, int]], session: SparkSession
) -> list[Any]:
    """Return function(first, last) for each range, in order, with one Spark task per range.

    `function` must be picklable, and its modules importable on the workers. An exception of any range is raised here. After an OSError,
    which may be a short fault of the file system, Spark first tries the range again.
    """
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    places = session.range(0, len(ranges), 1, max(1, len(ranges)))
    try:
        with _without_future_warnings():
            rows = places.mapInArrow(_range_task(function, list(ranges)), RESULT_SCHEMA).collect()
    except (PySparkException, Py4JError) as error:
        raise StrataError(
            f"Spark could not build a range of people: {_short_message(error)}; fix that and run again, {ALTERNATIVE}"
        ) from error
    results = {row["place"]: pickle.loads(bytes(row["result"])) for row in rows}
    for result in results.values():
        if isinstance(result, Exception):
            raise result
    return [results[place] for place in range(len(ranges))]


@contextmanager
def spark_session(settings: SparkSettings, threads: int, scratch: Path) -> Iterator[SparkSession]:
    """Yield the active session, or start one and stop it at the end; Spark writes temporary files to `scratch`.

    Raises a StrataError as `check_spark` does.
    """
    session = check_spark()
    if session is not None:
        yield session
        return
    from pyspark import SparkContext

    java_was_running = SparkContext._gateway is not None
    scratch.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="spark-", dir=scratch) as folder:
        session = _start(settings, threads, Path(folder))
        try:
            yield session
        finally:
            session.stop()
            if not java_was_running:
                _end_java()


def check_spark() -> SparkSession | None:
    """Return the active session, or None if one can be started; raise StrataError with what to install if not."""
    if importlib.util.find_spec("pyspark") is None:
        raise StrataError(f"engine: spark needs pyspark, which is not installed; run 'make spark', {ALTERNATIVE}")
    session = _active_session()
    if session is None and java() is None:
        raise StrataError(
            "engine: spark needs Java 17, and there is no 'java' on the PATH or in JAVA_HOME; install it "
            f"(Debian: apt-get install openjdk-17-jre-headless), {ALTERNATIVE}"
        )
    return session


def java() -> str | None:
    """Return the path of the Java that Spark would start, or None."""
    home = os.environ.get("JAVA_HOME")
    return shutil.which("java", path=str(Path(home) / "bin") if home else None)


def _range_task(
    function: Callable[[int, int], Any], ranges: list[tuple[int, int]]
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for place in batch.column(0).to_pylist():
                result = pickle.dumps(_result_or_error(function, *ranges[place]))
                yield pa.RecordBatch.from_arrays(
                    [pa.array([place], pa.int64()), pa.array([result], pa.binary())], ["place", "result"]
                )

    return run


def _result_or_error(function: Callable[[int, int], Any], first: int, last: int) -> Any:
    try:
        return function(first, last)
    except OSError:
        raise
    except Exception as error:
        return error


def _active_session() -> SparkSession | None:
    with _without_future_warnings():
        from pyspark.errors import PySparkRuntimeError
        from pyspark.sql import SparkSession

    try:
        return SparkSession.active()
    except PySparkRuntimeError:
        return None


def _start(settings: SparkSettings, threads: int, scratch: Path) -> SparkSession:
    """Start a session whose workers run this Python and find the same modules."""
    from pyspark.errors import PySparkRuntimeError
    from pyspark.sql import SparkSession

    log = scratch / "log4j2.properties"
    log.write_text(QUIET_LOG, encoding="utf-8")
    master = settings.master or f"local[{threads}]"
    options: dict[str, bool | float | int | str | None] = {
        # Java only distributes tasks here, and its quick compiler halves the time to start.
        "spark.driver.extraJavaOptions": f"-XX:TieredStopAtLevel=1 -Dlog4j2.configurationFile=file:{log}",
        "spark.executorEnv.PYTHONWARNINGS": "ignore::FutureWarning",
        "spark.executorEnv.PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "spark.local.dir": str(scratch),
        "spark.sql.warehouse.dir": str(scratch / "warehouse"),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        **({"spark.driver.host": "127.0.0.1"} if master.startswith("local") else {}),
        **settings.options,
    }
    builder = SparkSession.builder.appName("strata").master(master).config(map=options)
    with _environment("PYSPARK_PYTHON", sys.executable), _same_interrupt_handler(), _without_future_warnings():
        try:
            return builder.getOrCreate()
        except PySparkRuntimeError as error:
            raise StrataError(f"Spark did not start ({java()}, Java 17 or later is needed): {_short_message(error)}") from error


def _end_java() -> None:
    """End the Java process, which would otherwise keep its memory until the end of the run."""
    from pyspark import SparkContext

    gateway, process = SparkContext._gateway, getattr(SparkContext._gateway, "proc", None)
    if gateway is None or process is None:
        return
    gateway.shutdown()
    process.stdin.close()
    try:
        process.wait(SECONDS_TO_END)
    except subprocess.TimeoutExpired:
        process.kill()
    SparkContext._gateway = SparkContext._jvm = None


@contextmanager
def _without_future_warnings() -> Iterator[None]:
    """Hide Spark's warning that pandas 3 is not fully supported yet; no pandas data pass through Spark here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        yield


@contextmanager
def _same_interrupt_handler() -> Iterator[None]:
    """Restore the handler of Ctrl-C, because Spark's own handler fails after its session has stopped."""
    before = signal.getsignal(signal.SIGINT)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, before)


@contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def _short_message(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip(" ^~")]
    return "; ".join(dict.fromkeys((lines or [repr(error)])[:1] + lines[-1:]))[:2000]
