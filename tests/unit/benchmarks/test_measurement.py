import subprocess
import sys

from benchmarks.measurement import WorkResult, measure, processor_seconds


def test_excluded_work_and_earlier_work_are_not_in_the_measurement() -> None:
    spent: list[float] = []

    def work() -> WorkResult:
        begin = processor_seconds()
        while processor_seconds() - begin < 0.2:
            sum(range(10_000))
        spent.append(processor_seconds() - begin)
        return WorkResult(7, excluded_s=spent[0])

    summary = measure("busy", work)
    assert (summary["stage"], summary["rows"]) == ("busy", 7)
    assert float(str(summary["cpu_s"])) < 0.1 < float(str(summary["imports_cpu_s"]))


def test_the_memory_of_child_processes_counts() -> None:
    script = "import time; block = bytearray(200_000_000); block[::4096] = b'x' * len(block[::4096]); time.sleep(0.8)"
    summary = measure("large", lambda: subprocess.run([sys.executable, "-c", script], check=True).returncode)
    assert int(str(summary["peak_rss_mb"])) >= 200
