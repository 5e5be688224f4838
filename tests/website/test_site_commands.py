"""The verbs `site` and `serve`: what they print, and one clear sentence when they cannot."""

import json
import socket
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmark.cli.serve import serve
from benchmark.cli.site import site
from benchmark.errors import UserError
from benchmark.website.server import open_server

REPOSITORY = Path(__file__).resolve().parents[2]


def test_site_prints_where_the_page_lies(in_world, tmp_path):
    ran = CliRunner().invoke(site, ["--results", str(in_world.results), "--out", str(tmp_path / "out")])
    assert ran.exit_code == 0, ran.output
    assert str(tmp_path / "out" / "index.html") in ran.output
    assert (tmp_path / "out" / "index.html").is_file()


def test_site_prints_json_for_programs(in_world, tmp_path):
    ran = CliRunner().invoke(site, ["--results", str(in_world.results), "--out", str(tmp_path / "out"), "--json"])
    summary = json.loads(ran.output)
    assert summary["suites"] == ["standard", "full", "smoke"]
    assert summary["submissions"] == 10
    assert summary["datasets"] == 4
    assert Path(summary["index"]).is_file()


def test_no_results_is_one_sentence(in_world, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    for folder in (tmp_path / "nothing", empty):
        ran = CliRunner().invoke(site, ["--results", str(folder), "--out", str(tmp_path / "out")])
        assert isinstance(ran.exception, UserError)
        assert "manifoldbench run" in str(ran.exception)
        assert str(folder) in str(ran.exception)
    assert not (tmp_path / "out").exists()


def test_serve_without_a_build_says_what_to_run(tmp_path):
    ran = CliRunner().invoke(serve, ["--dir", str(tmp_path)])
    assert isinstance(ran.exception, UserError)
    assert "manifoldbench site" in str(ran.exception)


def test_serve_says_that_the_port_is_taken(world):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ran = CliRunner().invoke(serve, ["--dir", str(world.out), "--port", str(port)])
    assert isinstance(ran.exception, UserError)
    assert str(ran.exception).startswith(f"Port {port} is taken")


def test_server_serves_the_site_to_this_machine_only(world):
    with open_server(world.out, 0) as server:
        assert server.server_address[0] == "127.0.0.1"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/") as response:
                assert response.read() == (world.out / "index.html").read_bytes()
        finally:
            server.shutdown()
            thread.join()


def test_serve_stops_at_an_interrupt(world, interruptible):
    command = [*interruptible, sys.executable, "-c", "from benchmark.cli.serve import serve; serve()"]
    with subprocess.Popen(
        [*command, "--dir", str(world.out), "--port", "0"], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline().startswith("Serving at http://127.0.0.1:")
        process.send_signal(2)
        assert process.stdout.readline() == "Stopped.\n"
        assert process.wait(timeout=20) == 0


@pytest.mark.parametrize("command", [site, serve])
def test_help_has_an_example(command):
    ran = CliRunner().invoke(command, ["--help"])
    assert ran.exit_code == 0
    assert f"manifoldbench {command.name}" in ran.output
