"""bench/run runs: what it measures is not looked at here."""

import json
import subprocess

from servers import REPOSITORY, installed

PARTS = ["scan", "decode", "kafka", "ingest", "serve", "tail", "latency"]


def test_bench_runs(tmp_path):
    installed("mysql97")
    installed("kafka")
    results = tmp_path / "results.json"
    ran = subprocess.run([REPOSITORY / "bench/run", "--megabytes", "5", "--rounds", "1", "--json", results, *PARTS],
                         capture_output=True, text=True, timeout=600)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert list(json.loads(results.read_text())) == ["log_bytes", *PARTS]
