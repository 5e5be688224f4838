"""Where the commands run submissions: the options, and the engine that they name."""

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmark import __version__
from benchmark.paths import submissions_root
from benchmark.sandbox.process import ProcessEngine

if TYPE_CHECKING:
    from benchmark.sandbox.docker import DockerEngine

IMAGE = f"manifoldbench:{__version__}"


@dataclass(frozen=True, slots=True)
class Sandbox:
    """What the options `--sandbox`, `--image` and `--gpus` say."""

    kind: str
    image: str
    gpus: str

    def make_engine(self, folders: Iterable[Path]) -> "ProcessEngine | DockerEngine":
        """The engine to be opened for the submissions of these folders.

        Code that is not the repository's own and is not shut in is warned about. Raises UserError where Docker, the
        image or the GPUs are not there.
        """
        if self.kind == "process":
            for name in _strangers(folders):
                click.echo(
                    f"Warning: {name} runs as you on this machine; `--sandbox docker` shuts it in (RULES.md).", err=True
                )
            return ProcessEngine()
        from benchmark.sandbox.docker import DockerEngine, leasable_gpus  # imports slowly

        return DockerEngine(self.image, leasable_gpus(self.gpus))


def sandbox_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options, and the parameter `sandbox` in their place."""

    @click.option(
        "--sandbox",
        type=click.Choice(["process", "docker"]),
        default="process",
        show_default=True,
        help="Where submissions run: in processes of this user, or each in a container that shuts it in.",
    )
    @click.option("--image", default=IMAGE, show_default=True, help="Image of --sandbox docker.")
    @click.option(
        "--gpus", default="none", show_default=True, help="Of --sandbox docker: all, none, or ids such as 0,1."
    )
    @functools.wraps(command)
    def with_sandbox(*arguments: Any, sandbox: str, image: str, gpus: str, **options: Any) -> None:
        command(*arguments, sandbox=Sandbox(sandbox, image, gpus), **options)

    return with_sandbox


def _strangers(folders: Iterable[Path]) -> list[str]:
    """Names of the folders that do not lie among the repository's own submissions."""
    root = submissions_root().resolve()
    resolved = (folder.resolve() for folder in folders)
    return list(dict.fromkeys(folder.name for folder in resolved if folder.parent != root))
