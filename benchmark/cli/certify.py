"""`manifoldbench data certify`: the evidence that phantoms have the dimension they claim."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from benchmark.errors import UserError
from benchmark.paths import results_root


@click.command()
@click.argument("phantoms", nargs=-1, metavar="[ID]...")
@click.option("--results", type=click.Path(file_okay=False, path_type=Path), help="Results folder [default: results].")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def certify(phantoms: tuple[str, ...], results: Path | None, as_json: bool) -> None:
    """Measure each phantom ID, and keep its certificate in the results: ellipses-16, or ellipses for all dimensions.

    Without an ID, every phantom in use. One that is refused does not stop the others; the exit code is then 1. A
    certificate of the present code and libraries is not made again.

    \b
    Example: manifoldbench data certify ellipses-16 warp
    """
    wanted = _wanted(phantoms)
    root = results or results_root()
    outcomes = []
    for done, (family, dimension) in enumerate(wanted, start=1):
        outcome = _certify(root, family, dimension)
        outcomes.append(outcome)
        click.echo(f"{done} of {len(wanted)}: {outcome['id']}: {_told(outcome)}", err=as_json)
    refused = [outcome for outcome in outcomes if outcome["status"] == "refused"]
    if as_json:
        click.echo(json.dumps(outcomes, indent=1))
    for outcome in refused:
        click.echo(f"Error: {outcome['reason']}", err=True)
    sys.exit(1 if refused else 0)


def _wanted(phantoms: tuple[str, ...]) -> list[tuple[str, int]]:
    """Families and dimensions that the IDs name, each once.

    Raises UserError for an unknown family and a dimension that it cannot have.
    """
    from benchmark.synthetic.certify import IN_USE
    from benchmark.synthetic.phantoms import PHANTOMS

    wanted = []
    for name in phantoms or tuple(PHANTOMS):
        family, hyphen, number = name.partition("-")
        if family not in PHANTOMS:
            raise UserError(f'There is no phantom family "{family}"; known: {", ".join(PHANTOMS)}.')
        allowed = PHANTOMS[family].dimensions
        if not hyphen:
            wanted += [(family, dimension) for dimension in IN_USE if dimension in allowed]
        elif number.isascii() and number.isdigit() and int(number) in allowed:
            wanted.append((family, int(number)))
        else:
            raise UserError(f"{name}: {family} has dimensions from {allowed[0]} to {allowed[-1]}, as in {family}-4.")
    return list(dict.fromkeys(wanted))


def _certify(root: Path, family: str, dimension: int) -> dict[str, Any]:
    """Certify one phantom; the outcome as id, status (present, certified or refused), reason and certificate."""
    from benchmark.synthetic.certify import SIZE_IN_USE, load_certificate, write_certificate
    from benchmark.synthetic.certify import certify as measure
    from benchmark.synthetic.phantoms import PHANTOMS

    outcome: dict[str, Any] = {"id": f"{family}-{dimension}", "status": "present", "reason": "", "certificate": None}
    certificate = load_certificate(root, PHANTOMS[family], dimension, size=SIZE_IN_USE, anatomy=0)
    if certificate is None:
        try:
            certificate = measure(PHANTOMS[family], dimension, size=SIZE_IN_USE, anatomy=0)
        except UserError as error:
            return outcome | {"status": "refused", "reason": str(error)}
        write_certificate(root, certificate)
        outcome["status"] = "certified"
    return outcome | {"certificate": certificate.model_dump(mode="json")}


def _told(outcome: dict[str, Any]) -> str:
    """An outcome in a few words."""
    if outcome["status"] == "refused":
        return "refused"
    found = outcome["certificate"]
    return (
        f"{'is certified already' if outcome['status'] == 'present' else 'certified'}: rank "
        f"{', '.join(map(str, found['ranks']))}, condition at most {found['condition_max']:.3g}, "
        f"injectivity {found['injectivity']:.3g}, effective dimension {found['effective_dimension']:.3g}"
    )
