"""`manifoldbench data`: the datasets, and whether they are on this machine."""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import click

from benchmark.cli.certify import certify
from benchmark.data.card import Card, all_cards, load_card
from benchmark.data.images import DatasetMissing
from benchmark.data.loaders import LOADERS
from benchmark.data.store import data_root, is_present, prepared
from benchmark.errors import UserError

OFFICIAL = "official"
"""How the note of a checksum begins that the dataset's authors, or the package that reads it, published."""

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def data() -> None:
    """Datasets: list them, show a card, get the files, verify them.

    \b
    Example: manifoldbench data get breastmnist pneumoniamnist
    """


data.add_command(certify)


@data.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List every dataset, and whether its files are on this machine.

    \b
    Example: manifoldbench data list --json
    """
    rows: list[dict[str, Any]] = [
        {
            "id": card.id,
            "name": card.name,
            "domain": card.domain,
            "modality": card.modality,
            "images": sum(card.splits.values()),
            "sizes": card.sizes,
            "sizes_present": [size for size in card.sizes if is_present(card, size)],
            "present": is_present(card),
        }
        for card in all_cards().values()
    ]
    if as_json:
        click.echo(json.dumps(rows, indent=1))
        return
    click.echo(f"{'id':26}{'domain':11}{'images':>10}  {'here':16} modality")
    for row in rows:
        here = f"yes ({', '.join(map(str, row['sizes_present']))})" if row["sizes_present"] else "no"
        click.echo(f"{row['id']:26}{row['domain']:11}{row['images']:>10,}  {here:16} {row['modality']}")
    click.echo(f"Data folder: {data_root()}")


@data.command()
@click.argument("dataset", metavar="ID")
@json_option
def show(dataset: str, as_json: bool) -> None:
    """Show the card of dataset ID.

    \b
    Example: manifoldbench data show breastmnist
    """
    card = load_card(dataset)
    content = card.model_dump(mode="json") | {"present": is_present(card)}
    if as_json:
        click.echo(json.dumps(content, indent=1))
        return
    for key in ("name", "domain", "modality", "source", "licence", "citation", "channels", "groups"):
        click.echo(f"{key + ':':11}{content[key]}")
    click.echo(f"{'classes:':11}{', '.join(card.classes[:20])}{', ...' if len(card.classes) > 20 else ''}")
    click.echo(f"{'sizes:':11}{', '.join(map(str, card.sizes))} pixels")
    click.echo(f"{'splits:':11}{', '.join(f'{name} {count:,}' for name, count in card.splits.items())}")
    for task in card.tasks:
        click.echo(f"{'task:':11}{task.name} ({task.kind}){f': {task.note}' if task.note else ''}")
    for checksum in card.checksums:
        click.echo(f"{'checksum:':11}{checksum.file} {checksum.algorithm} {checksum.value} ({checksum.note})")
    for trap in card.traps:
        click.echo(f"{'trap:':11}{trap}")
    click.echo(f"{'here:':11}{'yes' if content['present'] else f'no: run `manifoldbench data get {card.id}`'}")


@data.command()
@click.argument("datasets", nargs=-1, required=True, metavar="ID...")
@click.option("--size", type=int, help="Pixels a side, where a dataset comes in several sizes.")
@click.option("--optional", is_flag=True, help="Exit with 0 even if a dataset cannot be had; say what is left out.")
@json_option
def get(datasets: tuple[str, ...], size: int | None, optional: bool, as_json: bool) -> None:
    """Get the files of each dataset ID, and prepare them.

    One that fails does not stop the others. No half file stays under a final name.

    \b
    Example: manifoldbench data get breastmnist pneumoniamnist --size 28
    """
    cards = [load_card(dataset) for dataset in datasets]
    outcomes = [_get(card, size, quiet=as_json) for card in cards]
    if as_json:
        click.echo(json.dumps(outcomes, indent=1))
    failed = [outcome for outcome in outcomes if outcome["status"] == "failed"]
    for outcome in failed:
        click.echo(f"{'Left out' if optional else 'Error'}: {outcome['reason']}", err=True)
    if failed and not optional and len(outcomes) > 1:
        names = ", ".join(str(outcome["id"]) for outcome in failed)
        click.echo(f"{len(failed)} of {len(outcomes)} datasets could not be had: {names}.", err=True)
    if failed and optional:
        click.echo(
            "The run goes on without them. To have them, connect this machine and run "
            f"`manifoldbench data get {' '.join(str(outcome['id']) for outcome in failed)}`, or set "
            "MANIFOLDBENCH_DATA to the folder that holds them.",
            err=True,
        )
    sys.exit(1 if failed and not optional else 0)


def _get(card: Card, size: int | None, quiet: bool) -> dict[str, Any]:
    """Bring one dataset; the outcome as id, status and reason."""
    try:
        size = size or card.sizes[0]
        if size not in card.sizes:
            sizes = ", ".join(map(str, card.sizes))
            raise UserError(f"{card.id} has no images of {size} pixels; it has {sizes}.")
        here = is_present(card, size)
        if not here:
            LOADERS[card.loader].download(card, data_root(), size)
        for split in card.splits:
            prepared(card, split, size)
    except UserError as error:
        return {"id": card.id, "status": "failed", "reason": str(error)}
    status = "present" if here else "fetched"
    if not quiet:
        click.echo(f"{card.id}: {'is here already' if here else 'fetched'}")
    return {"id": card.id, "status": status, "reason": ""}


@data.command()
@click.argument("dataset", metavar="ID")
@json_option
def verify(dataset: str, as_json: bool) -> None:
    """Compare the raw files of dataset ID with the checksums of its card.

    A file that equals a known copy, but not the official one, is said to be so. Exit code 1 if a file is unknown.

    \b
    Example: manifoldbench data verify mnist
    """
    card = load_card(dataset)
    report = [_verify(card, path) for path in _files(card) if path.is_file()]
    if not report and not is_present(card):
        raise DatasetMissing(f"{card.id} is not on this machine: run `manifoldbench data get {card.id}`.")
    if as_json:
        click.echo(json.dumps(report, indent=1))
    else:
        for row in report:
            click.echo(f"{row['file']}: {row['verdict']}")
        if not report:
            click.echo(f"{card.id}: no file to verify: {card.source}")
    sys.exit(0 if all(row["known"] for row in report) else 1)


def _files(card: Card) -> list[Path]:
    """The raw files of every size, and the archives that have a checksum."""
    loader = LOADERS[card.loader]
    needed = [path for size in card.sizes for path in loader.raw_files(card, data_root(), size)]
    return list(dict.fromkeys([*needed, *(data_root() / checksum.file for checksum in card.checksums)]))


def _verify(card: Card, path: Path) -> dict[str, Any]:
    """What a file is, by the checksums of its card: a dict of file, known and verdict."""
    name = path.relative_to(data_root()).as_posix() if path.is_relative_to(data_root()) else str(path)
    known = [checksum for checksum in card.checksums if checksum.file == name]
    official = [checksum for checksum in known if checksum.note.startswith(OFFICIAL)]
    for checksum in known:
        if _digest(path, checksum.algorithm) == checksum.value:
            found = f"{checksum.algorithm} {checksum.value}"
            if checksum in official or not official:
                verdict = f"matches the card ({checksum.note}; {found})"
            else:
                verdict = f"differs from the official file; matches a copy the card knows ({checksum.note}; {found})"
            return {"file": name, "known": True, "official": checksum in official, "verdict": verdict}
    if not known:
        verdict = "the card has no checksum for this file"
    elif official:
        verdict = "differs from the official file, and from every copy the card knows"
    else:
        verdict = "differs from the copy the card knows"
    return {"file": name, "known": False, "official": False, "verdict": verdict}


def _digest(path: Path, algorithm: str) -> str:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, algorithm).hexdigest()
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}.") from None
