import subprocess
import sys

from benchmarks.measurement import Done, measured, processor_seconds


def test_what_is_not_to_be_measured_and_what_was_used_before_stand_apart() -> None:
    spent: list[float] = []

    def work() -> Done:
        begin = processor_seconds()
        while processor_seconds() - begin < 0.2:
            sum(range(10_000))
        spent.append(processor_seconds() - begin)
        return Done(7, apart_s=spent[0])

    told = measured("busy", work)
    assert (told["stage"], told["rows"]) == ("busy", 7)
    assert float(str(told["cpu_s"])) < 0.1 < float(str(told["imports_cpu_s"]))


def test_the_memory_of_processes_it_starts_counts() -> None:
    script = "import time; held = bytearray(200_000_000); held[::4096] = b'x' * len(held[::4096]); time.sleep(0.8)"
    told = measured("large", lambda: subprocess.run([sys.executable, "-c", script], check=True).returncode)
    assert int(str(told["peak_rss_mb"])) >= 200
