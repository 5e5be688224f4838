"""Submissions: a folder with `submission.toml` and one Python file. Read here, imported only inside a sandbox."""

import ast
import json
import os
import tomllib
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from benchmark.errors import UserError
from benchmark.hashing import sha256_of, sha256_of_file
from benchmark.sandbox.engine import Program
from benchmark.validation import describe_validation_error

__all__ = [
    "MANIFEST",
    "MAX_NEIGHBORS",
    "Correction",
    "Manifest",
    "Submission",
    "Variant",
    "describe_validation_error",
    "find_submissions",
    "load_submissions",
    "schema_json",
]

MANIFEST = "submission.toml"
NAME = r"^[a-z0-9]+(-[a-z0-9]+)*$"
FRACTION = r"^[1-9][0-9]{0,5}(/[1-9][0-9]{0,5})?$"
MAX_NEIGHBORS = 100
COMPILED = "__pycache__"
"""Python's own cache is no part of a submission: it is neither hashed nor read by the worker."""

Neighbors = Annotated[int, Field(ge=1, le=MAX_NEIGHBORS)]
VariantName = Annotated[str, Field(pattern=NAME, max_length=40, description="Lower-case letters, digits and hyphens.")]


class _Table(BaseModel):
    # Strict: `control = "no"` must not be read as a truth value. Docstrings of fields are the schema's descriptions.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True)


class Correction(_Table):
    """A known constant bias: the board shows the raw value and, beside it, the value times `factor`."""

    factor: str = Field(pattern=FRACTION)
    """A positive fraction such as 19/18."""
    reason: str = Field(min_length=1)
    """Where the factor comes from, in one sentence."""

    @property
    def value(self) -> float:
        """The factor as a number."""
        return float(Fraction(self.factor))


class Variant(_Table):
    """The same code with other parameters: a row of its own on the board, called `<name>-<variant>`."""

    parameters: dict[str, Any] = {}
    """Keyword arguments of the constructor; they replace the manifest's of the same name."""
    neighbors: Neighbors | None = None
    """k, in place of the manifest's."""
    correction: Correction | None = None
    """A correction in place of the manifest's."""
    description: str = ""
    """For the board, in place of the manifest's."""

    @field_validator("parameters")
    @classmethod
    def _plain_parameters(cls, value: dict[str, Any]) -> dict[str, Any]:
        return _plain(value)


class Manifest(_Table):
    """The content of `submission.toml`."""

    name: str = Field(pattern=NAME, max_length=40)
    """Lower-case letters, digits and hyphens."""
    track: Literal["estimators", "models"]
    """What is submitted: an estimator of the dimension, or a model to be trained."""
    entry: str = Field(pattern=r"^[A-Za-z0-9_]+\.py:[A-Za-z_][A-Za-z0-9_]*$")
    """File and object, for instance `estimator.py:TwoNN`."""
    authors: list[Annotated[str, Field(min_length=1)]] = Field(min_length=1)
    """Who wrote the submission."""
    licence: str = Field(min_length=1)
    """SPDX identifier of the code's licence."""
    reference: str
    """The paper that describes the method."""
    description: str = Field(min_length=1)
    """One or two sentences for the board."""
    parameters: dict[str, Any] = {}
    """Keyword arguments of the constructor."""
    neighbors: Neighbors | None = None
    """k: ask for the shared exact graph of the k nearest neighbours (`precomputed_knn_arrays`)."""
    requirements: list[str] = []
    """Packages beyond the image's, as pip spells them."""
    slow: str = ""
    """Why this submission is left out of the `standard` suite unless it is named; empty for the others."""
    control: bool = False
    """A control is ranked beside the submissions and marks the scale; it is not a competitor."""
    correction: Correction | None = None
    """A known constant bias of the raw value."""
    learning_rate: float | None = Field(None, gt=0)
    """Of a model: one from the protocol's list, in place of the protocol's own."""
    fits_itself: str = ""
    """Of a model that brings a `fit` of its own: why the protocol's training does not suit it. It is ranked apart."""
    pretrained: str = ""
    """Of a model that brings weights: where they come from. It is ranked apart."""
    variants: dict[VariantName, Variant] = Field({}, json_schema_extra={"additionalProperties": False})
    """Rows of the board with other parameters; without variants the submission is one row."""

    @field_validator("parameters")
    @classmethod
    def _plain_parameters(cls, value: dict[str, Any]) -> dict[str, Any]:
        return _plain(value)

    @model_validator(mode="after")
    def _asks_only_for_what_its_track_has(self) -> "Manifest":
        asked = [self.neighbors, *(variant.neighbors for variant in self.variants.values())]
        if self.track == "models" and any(asked):
            raise ValueError("neighbors belongs to the estimators track, and this submission is on the models track")
        if self.track == "estimators":
            for name in ("learning_rate", "fits_itself", "pretrained"):
                if getattr(self, name):
                    raise ValueError(f"{name} belongs to the models track, and this submission is an estimator")
        return self


def schema_json() -> str:
    """The JSON Schema of `submission.toml`, as committed in docs/submission.schema.json."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema"} | Manifest.model_json_schema()
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


@dataclass(frozen=True, slots=True)
class Submission:
    """One row of a board: a folder's code with one set of parameters."""

    name: str
    folder: Path
    manifest: Manifest
    parameters: dict[str, Any]
    neighbors: int | None
    correction: Correction | None
    description: str
    code_sha256: str
    """sha256 of the folder's files other than the manifest: sorted relative paths and the sha256 of their bytes."""

    @property
    def program(self) -> Program:
        """What a sandbox needs to know of it."""
        return Program(
            self.folder.resolve(),
            self.manifest.entry,
            self.parameters,
            tuple(self.manifest.requirements),
            self.manifest.track,
            bool(self.manifest.fits_itself),
            bool(self.manifest.pretrained),
        )

    @property
    def sha256(self) -> str:
        """What determines the answers: code, entry, parameters, and what its track adds; not the description."""
        manifest = self.manifest
        shared = {
            "code": self.code_sha256,
            "entry": manifest.entry,
            "parameters": self.parameters,
            "requirements": manifest.requirements,
        }
        if manifest.track == "estimators":
            return sha256_of(shared | {"neighbors": self.neighbors})
        declared = {"fits_itself": bool(manifest.fits_itself), "pretrained": bool(manifest.pretrained)}
        return sha256_of(shared | declared | {"learning_rate": manifest.learning_rate, "name": manifest.name})


def load_submissions(folder: Path) -> tuple[Submission, ...]:
    """Read one submission folder: one Submission for each variant, or one if there are no variants.

    Nothing of the submission is imported: its file is only parsed.
    Raises UserError, naming the file and the field, for a manifest or a file that is missing or wrong.
    """
    manifest = _read_manifest(folder)
    code_sha256 = _sha256_of_code(folder)
    file, _, name = manifest.entry.partition(":")
    _check_entry(folder / file, name)
    variants = manifest.variants or {"": Variant()}
    return tuple(
        Submission(
            name=f"{manifest.name}-{key}" if key else manifest.name,
            folder=folder,
            manifest=manifest,
            parameters=manifest.parameters | variant.parameters,
            neighbors=variant.neighbors or manifest.neighbors,
            correction=variant.correction or manifest.correction,
            description=variant.description or manifest.description,
            code_sha256=code_sha256,
        )
        for key, variant in variants.items()
    )


def find_submissions(root: Path) -> tuple[Submission, ...]:
    """Read every submission folder below `root`, by name; two rows of one name are a UserError."""
    found: dict[str, Submission] = {}
    for path in sorted(root.glob(f"*/{MANIFEST}")):
        for submission in load_submissions(path.parent):
            if submission.name in found:
                raise UserError(f"{path}: the name {submission.name} is also that of {found[submission.name].folder}.")
            found[submission.name] = submission
    return tuple(found.values())


def _plain(parameters: dict[str, Any]) -> dict[str, Any]:
    """Parameters reach the worker as JSON and are part of the identity: they hold what JSON can say, and no more."""
    for key, value in parameters.items():
        if not key.isidentifier():
            raise ValueError(f'"{key}" is no name of a parameter')
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError):
            raise ValueError(f"{key} may hold texts, finite numbers, true, false, lists and tables only") from None
    return parameters


def _read_manifest(folder: Path) -> Manifest:
    path = folder / MANIFEST
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise UserError(
            f"{folder}: no {MANIFEST}: a submission is a folder with {MANIFEST} and one Python file."
        ) from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}.") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise UserError(f"{path}: is not TOML: {error}.") from None
    try:
        return Manifest.model_validate(content)
    except ValidationError as error:
        raise UserError(describe_validation_error(path, error, Manifest)) from None


def _check_entry(code: Path, name: str) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an odd escape in a string is the submitter's matter
            tree = ast.parse(code.read_bytes())
    except FileNotFoundError:
        raise UserError(f"{code}: no such file, but {MANIFEST} names it as the entry.") from None
    except OSError as error:
        raise UserError(f"{code}: cannot be read: {error.strerror}.") from None
    except SyntaxError as error:
        line = f" (line {error.lineno})" if error.lineno else ""
        raise UserError(f"{code}: is not Python: {error.msg}{line}.") from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise UserError(f"{code}: cannot be read as Python: {str(error) or 'nested too deeply'}.") from None
    defined = set(_defined(tree.body))
    if name not in defined and "*" not in defined:
        raise UserError(f"{code}: defines no {name}, but {MANIFEST} names it as the entry.")


def _defined(body: list[ast.stmt]) -> Iterator[str]:
    """Names that statements of a module define, those inside `if`, `try` and `with` too."""
    for node in body:
        match node:
            case ast.ClassDef() | ast.FunctionDef():
                yield node.name
            case ast.Assign() | ast.AnnAssign():
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                yield from (part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name))
            case ast.ImportFrom() | ast.Import():
                yield from (alias.asname or alias.name.partition(".")[0] for alias in node.names)
            case ast.If() | ast.Try() | ast.With():
                for field in ("body", "orelse", "finalbody"):
                    yield from _defined(getattr(node, field, []))
                for handler in getattr(node, "handlers", []):
                    yield from _defined(handler.body)


def _sha256_of_code(folder: Path) -> str:
    files: dict[str, str] = {}
    try:
        for path in _files(folder):
            files[path.relative_to(folder).as_posix()] = sha256_of_file(path)
    except OSError as error:
        raise UserError(f"{error.filename or folder}: cannot be read: {error.strerror}.") from None
    files.pop(MANIFEST)
    return sha256_of(files)


def _files(folder: Path) -> Iterator[Path]:
    """Every file of a submission: what is not hashed, such as the target of a link, must not decide its answers."""

    def give_up(error: OSError) -> None:
        raise error

    for parent, folders, names in os.walk(folder, onerror=give_up):
        folders[:] = [name for name in folders if name != COMPILED]
        for path in (Path(parent, name) for name in (*folders, *names)):
            if path.is_symlink():
                raise UserError(f"{path}: is a link; a submission holds plain files only.")
            if not path.is_dir() and not path.is_file():
                raise UserError(f"{path}: is no plain file; a submission holds plain files only.")
            if path.is_file():
                yield path
