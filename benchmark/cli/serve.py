"""`manifoldbench serve`: show the built pages on this machine."""

from pathlib import Path

import click

from benchmark.paths import pages_root
from benchmark.website.server import open_server


@click.command()
@click.option(
    "--dir", "folder", type=click.Path(file_okay=False, path_type=Path), help="Built pages [default: site/build]."
)
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0 takes any free port.")
def serve(folder: Path | None, port: int) -> None:
    """Serve the built leaderboard on 127.0.0.1 until Ctrl-C. It cannot be reached from other machines.

    \b
    Examples: manifoldbench serve
              manifoldbench serve --dir demo/site --port 8080
    """
    with open_server(folder or pages_root(), port) as server:
        try:
            click.echo(f"Serving at http://127.0.0.1:{server.server_port}/ (Ctrl-C to stop)")
            server.serve_forever()
        except KeyboardInterrupt:
            click.echo("Stopped.")
