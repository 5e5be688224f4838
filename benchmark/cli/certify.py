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
@click.option("--size", type=int, help="Pixels a side of their images [default: 64].")
@click.option("--suite", "suite_name", help="Every phantom of a suite at its size, in place of IDs.")
@click.option("--results", type=click.Path(file_okay=False, path_type=Path), help="Results folder [default: results].")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def certify(
    phantoms: tuple[str, ...], size: int | None, suite_name: str | None, results: Path | None, as_json: bool
) -> None:
    """Measure each phantom ID, and keep its certificate in the results: ellipses-16, or ellipses for all dimensions.

    Without an ID, every family at every power of two. One that is refused does not stop the others; the exit code is
    then 1. A certificate of the present code and libraries is not made again.

    \b
    Examples: manifoldbench data certify ellipses-16 warp
              manifoldbench data certify ellipses-4 --size 224
              manifoldbench data certify --suite standard
    """
    wanted = _of_suite(suite_name, phantoms, size) if suite_name else _wanted(phantoms, size)
    root = results or results_root()
    outcomes = []
    for done, (family, dimension, pixels) in enumerate(wanted, start=1):
        outcome = _certify(root, family, dimension, pixels)
        outcomes.append(outcome)
        click.echo(f"{done} of {len(wanted)}: {outcome['id']}, {pixels} pixels a side: {_told(outcome)}", err=as_json)
    refused = [outcome for outcome in outcomes if outcome["status"] == "refused"]
    if as_json:
        click.echo(json.dumps(outcomes, indent=1))
    for outcome in refused:
        click.echo(f"Error: {outcome['reason']}", err=True)
    sys.exit(1 if refused else 0)


def _of_suite(suite_name: str, phantoms: tuple[str, ...], size: int | None) -> list[tuple[str, int, int]]:
    """Families, dimensions and sizes that a suite asks for, the cheapest first.

    Raises UserError for an unknown suite, and beside an ID or a size.
    """
    from benchmark.estimation.suites import load_suite

    if phantoms or size is not None:
        raise UserError("--suite says which phantoms and sizes: leave out the IDs and --size.")
    suite = load_suite(suite_name)
    if suite.secret:
        raise UserError("The phantoms of an official evaluation are drawn from the secret, and certified when it runs.")
    asked = {(each.family, each.dimension, each.size) for _, each in suite.phantoms}
    return sorted(asked, key=lambda each: (each[1] * each[2] ** 2, each))


def _wanted(phantoms: tuple[str, ...], size: int | None) -> list[tuple[str, int, int]]:
    """Families, dimensions and sizes that the IDs name, each once.

    Raises UserError for an unknown family, and a dimension or a size that it cannot have.
    """
    from benchmark.synthetic.certify import IN_USE, SIZE_IN_USE
    from benchmark.synthetic.phantoms import PHANTOMS
    from benchmark.synthetic.phantoms.sampling import check_size

    pixels = SIZE_IN_USE if size is None else size
    check_size(pixels)
    wanted = []
    for name in phantoms or tuple(PHANTOMS):
        family, hyphen, number = name.partition("-")
        if family not in PHANTOMS:
            raise UserError(f'There is no phantom family "{family}"; known: {", ".join(PHANTOMS)}.')
        allowed = PHANTOMS[family].dimensions
        if not hyphen:
            wanted += [(family, dimension, pixels) for dimension in IN_USE if dimension in allowed]
        elif number.isascii() and number.isdigit() and int(number) in allowed:
            wanted.append((family, int(number), pixels))
        else:
            raise UserError(f"{name}: {family} has dimensions from {allowed[0]} to {allowed[-1]}, as in {family}-4.")
    return list(dict.fromkeys(wanted))


def _certify(root: Path, family: str, dimension: int, size: int) -> dict[str, Any]:
    """Certify one phantom; the outcome as id, size, status (present, certified or refused), reason and certificate."""
    from benchmark.synthetic.certify import certify as measure
    from benchmark.synthetic.certify import load_certificate, write_certificate
    from benchmark.synthetic.phantoms import PHANTOMS

    outcome: dict[str, Any] = {"id": f"{family}-{dimension}", "size": size, "status": "present", "reason": ""}
    outcome |= {"certificate": None}
    certificate = load_certificate(root, PHANTOMS[family], dimension, size=size, anatomy=0)
    if certificate is None:
        try:
            certificate = measure(PHANTOMS[family], dimension, size=size, anatomy=0)
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
