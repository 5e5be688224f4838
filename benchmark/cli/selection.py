"""Which submissions the words of a command name."""

from pathlib import Path

from benchmark.cli.tracks import TRACKS
from benchmark.errors import UserError
from benchmark.submissions import MANIFEST, Submission, find_submissions, load_submissions


def select(names: tuple[str, ...], root: Path, track: str | None = None) -> list[Submission]:
    """The submissions that the words name: rows, folders below `root`, or paths; controls of their tracks come first.

    track: leave out the others. Raises UserError for a word that names none, and where nothing is left.
    """
    known = find_submissions(root)
    if not names:
        chosen = [submission for submission in known if not submission.manifest.slow]
    else:
        chosen = [submission for name in names for submission in named(name, known)]
    chosen = [submission for submission in chosen if track in (None, submission.manifest.track)]
    if not chosen:
        raise UserError(f"None of the submissions named is of the track {track}.")
    needed = {TRACKS[submission.manifest.track].control for submission in chosen}
    return distinct([*(submission for submission in known if submission.name in needed), *chosen])


def named(name: str, known: tuple[Submission, ...]) -> list[Submission]:
    """The rows that a word names: a row, a submission with all of its rows, or the path of a folder.

    Raises UserError for a word that names none.
    """
    found = [s for s in known if name in (s.name, s.manifest.name)]
    if found:
        return found
    folder = Path(name)
    if (folder / MANIFEST).exists():
        return list(load_submissions(folder))
    names = ", ".join(dict.fromkeys(s.manifest.name for s in known))
    raise UserError(f'There is no submission "{name}": give the path of a folder with {MANIFEST}, or one of {names}.')


def distinct(submissions: list[Submission]) -> list[Submission]:
    """Each row once; raises UserError where two folders have rows of one name."""
    unique = {submission.name: submission for submission in submissions}
    if len(unique) < len({(submission.name, submission.folder.resolve()) for submission in submissions}):
        raise UserError("Two of the submissions have the same name: give one of them another name in its manifest.")
    return list(unique.values())
