"""The exceptions of the harness, a tree of three.

* ManifoldBenchError
  * UserError            a mistake that a user can mend: one clear sentence, exit code 1
  * InfrastructureError  a fault of ours or of the machine: never counted against a submission

Anything else that escapes is a bug, and shows its traceback.
"""


class ManifoldBenchError(Exception):
    """Base of every exception that the harness raises on purpose."""


class UserError(ManifoldBenchError):
    """A user's mistake, told in one sentence: the file, the field, what was found and what is allowed."""


class InfrastructureError(ManifoldBenchError):
    """A fault of the machine or of the harness: the job is run again, the submission is not blamed."""


def reason_of(error: OSError) -> str:
    """Why the system refused, in words: "No space left on device", "Permission denied"."""
    # numpy raises an OSError without a number when it could write only a part
    return error.strerror or f"not all of it could be written, so the disk may be full ({error})"
