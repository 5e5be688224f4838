"""`manifoldbench represent`: the intrinsic dimension of a trained model's layers."""

import tempfile
from pathlib import Path

import click

from benchmark.cli.sandboxes import Sandbox, sandbox_options
from benchmark.cli.selection import distinct, named
from benchmark.data.store import cache_root
from benchmark.errors import UserError
from benchmark.paths import results_root, submissions_root
from benchmark.provenance import now
from benchmark.sandbox.engine import Limits
from benchmark.submissions import Submission, find_submissions
from benchmark.terminal import Column, table_text
from benchmark.training import layers
from benchmark.training.protocols import TaskWanted, load_protocol
from benchmark.training.scoring import accuracy
from benchmark.training.tasks import FOLDER, build_training_tasks

LIMITS = Limits(wall_seconds=120.0, cpu_seconds=240.0, memory_bytes=4 << 30)
"""What an estimator may use for one layer."""


@click.command()
@click.argument("submission")
@click.option("--dataset", required=True, help="Id of a dataset card.")
@click.option("--labels", default="classes", show_default=True, help="Which labels the model is trained on.")
@click.option("--protocol", default="mini", show_default=True, help="By which it is trained.")
@click.option("--epochs", type=click.IntRange(min=1), help="In place of the protocol's.")
@click.option("--estimators", default="mle-k20,twonn", show_default=True, help="Names or folders, separated by commas.")
@click.option(
    "--images", type=click.IntRange(min=20), default=500, show_default=True, help="Training images looked at."
)
@click.option("--results", type=click.Path(file_okay=False, path_type=Path), help="Results folder [default: results].")
@sandbox_options
@click.option("--json", "as_json", is_flag=True, help="Print the estimates as JSON.")
def represent(
    submission: str,
    dataset: str,
    labels: str,
    protocol: str,
    epochs: int | None,
    estimators: str,
    images: int,
    results: Path | None,
    sandbox: Sandbox,
    as_json: bool,
) -> None:
    """Train the model SUBMISSION (a name, or a folder) once, and estimate the dimension of every layer's outputs.

    \b
    Examples: manifoldbench represent resnet18 --dataset pneumoniamnist --estimators mle-k20,twonn
              manifoldbench represent path/to/mine --dataset digits --labels whole
    """
    started = now()
    known = find_submissions(submissions_root())
    model = _model(submission, known)
    asked = _estimators(estimators, known)
    overrides = {"training.representations": images} | ({"training.epochs": epochs} if epochs else {})
    recipe = load_protocol(protocol, overrides)
    wanted = TaskWanted(dataset=dataset, labels=labels, train=recipe.content.data.train[:1], pairs=1)
    tasks, left_out = build_training_tasks(recipe, [wanted], cache_root() / FOLDER, lambda *_: None)
    if not tasks:
        raise UserError(" ".join(item.reason for item in left_out))
    task, truth = tasks[0]
    chosen = (row.folder for row in (model, *asked))
    with sandbox.make_engine(chosen) as engine, tempfile.TemporaryDirectory(prefix="manifoldbench-") as folder:
        click.echo(f"Training {model.name} on {truth.name} by {recipe.title}.", err=True)
        trained = layers.train_for_layers(model, task, engine, Path(folder))
        points = layers.clouds(task, trained.representations)
        estimates = list(layers.measure(points, asked, LIMITS, engine, Path(folder)))
        share = accuracy(trained.test[-1], truth.test_labels)
        content = layers.summary(model, task, truth, share, list(points), estimates, engine, started)
    path = layers.write_representations(results or results_root(), content)
    click.echo(content.model_dump_json(indent=1) if as_json else to_text(content))
    click.echo(f"Kept in {path}", err=True)


def _model(word: str, known: tuple[Submission, ...]) -> Submission:
    """The one model of that name or folder; raises UserError for anything else."""
    found = named(word, known)
    if found[0].manifest.track != "models":
        raise UserError(f'"{word}" is an estimator: give a model.')
    if len(found) > 1:
        raise UserError(f'"{word}" has several rows: name one of {", ".join(row.name for row in found)}.')
    return found[0]


def _estimators(words: str, known: tuple[Submission, ...]) -> list[Submission]:
    """All estimators that the words name, each once; raises UserError for any other word."""
    found: list[Submission] = []
    for word in (each.strip() for each in words.split(",")):
        rows = named(word, known)
        if rows[0].manifest.track != "estimators":
            raise UserError(f'"{word}" is a model: give estimators.')
        found += rows
    return distinct(found)


def to_text(content: layers.Representations) -> str:
    """A table with a line for each layer and a column for each estimator: raw, and corrected where a bias is known."""
    names = list(dict.fromkeys(estimate.estimator for estimate in content.estimates))
    rows = []
    for layer in content.layers:
        cells = {estimate.estimator: estimate for estimate in content.estimates if estimate.layer == layer}
        rows.append((layer, str(next(iter(cells.values())).n), *(_cell(cells[name]) for name in names)))
    return table_text(
        f"{content.submission} on {content.task}, protocol {content.protocol}: {content.accuracy:.1f} %",
        (Column("Layer", words=True), Column("Outputs"), *map(Column, names)),
        rows,
        width=120,
    )


def _cell(estimate: layers.LayerEstimate) -> str:
    if estimate.dimension is None:
        return estimate.status
    corrected = f" ({estimate.dimension * estimate.correction:.2f})" if estimate.correction else ""
    return f"{estimate.dimension:.2f}{corrected}"
