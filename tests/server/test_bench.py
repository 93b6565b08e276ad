"""The benchmarks run: what they measure is not looked at here."""

import json
import subprocess

from servers import REPOSITORY, installed

PARTS = ["scan", "decode", "kafka", "ingest", "serve", "tail", "latency"]


def results_of(bench, *arguments, folder):
    """{part: what it came to}"""
    results = folder / "results.json"
    ran = subprocess.run([REPOSITORY / "bench" / bench, "--rounds", "1", "--json", results, *arguments],
                         capture_output=True, text=True, timeout=600)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return json.loads(results.read_text())


def test_bench_runs(tmp_path):
    installed("mysql97")
    installed("kafka")
    assert list(results_of("run", "--megabytes", "5", *PARTS, folder=tmp_path)) == ["log_bytes", *PARTS]


def test_the_clusters_bench_runs(tmp_path):
    results = results_of("cluster", "--idle-seconds", "1", "--folder", tmp_path, "memory", "latency", folder=tmp_path)
    assert list(results) == ["memory", "latency"]
    assert set(results["memory"]) == {"node with one group, MB", "each group more, KB"}
    for who in ("three files", "one file", "local log", "one node", "three nodes", "round trip"):
        assert set(results["latency"][who]) == {"p50_us", "p99_us"}
