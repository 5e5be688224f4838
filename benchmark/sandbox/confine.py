"""What a sample's process may do, told to the kernel: resource limits, capabilities, and Landlock where it is there.

Runs inside the worker, so it imports the standard library alone. Landlock (Linux 5.13 and newer, no privilege needed,
https://docs.kernel.org/userspace-api/landlock.html) shuts the file system: reading is allowed below the interpreter,
the system's libraries and the submission's folder, writing only in the working folder and in /dev/shm. Newer kernels
also keep a process from opening TCP connections (6.7) and from signalling processes outside its own tree (6.12).
"""

import contextlib
import ctypes
import math
import os
import resource
import struct
import sys
from collections.abc import Iterable
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_CAPBSET_DROP = 24
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38

CAP_DAC_READ_SEARCH = 2
SYS_CAPSET = {"x86_64": 126, "aarch64": 91}
CAPSET_VERSION = 0x20080522

LANDLOCK_CREATE_RULESET, LANDLOCK_ADD_RULE, LANDLOCK_RESTRICT_SELF = 444, 445, 446
LANDLOCK_RULE_PATH_BENEATH = 1
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR, TRUNCATE, IOCTL_DEV = 1, 1 << 1, 1 << 2, 1 << 3, 1 << 14, 1 << 15
REMOVE_DIR, REMOVE_FILE, MAKE_DIR, MAKE_REG = 1 << 4, 1 << 5, 1 << 7, 1 << 8
ACCESS_BITS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
"""How many kinds of access each version of Landlock's interface knows; versions after 5 know as many as 5."""
TCP_BIND_AND_CONNECT = 0b11
SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS = 0b11

SYSTEM = ("/usr", "/lib", "/lib64", "/bin", "/sbin", "/etc", "/proc", "/sys")
SHARED_MEMORY = "/dev/shm"  # noqa: S108 - the place that the C library uses
"""Stays writable: every lock of multiprocessing, and so each thread pool of scikit-learn, is made there."""
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
GPUS = "nvidia*"
"""Devices of NVIDIA's driver below /dev, where there are any."""


def libc() -> ctypes.CDLL:
    """The C library of this process."""
    return ctypes.CDLL(None, use_errno=True)


def prctl(option: int, value: int) -> None:
    """Set an attribute of this process; raises OSError if the kernel refuses."""
    if libc().prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl({option}, {value}) failed")


def landlock_abi() -> int:
    """Version of Landlock's interface on this machine; 0 where there is none."""
    version: int = libc().syscall(LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), 1)
    return max(0, version)


def limit_resources(cpu_seconds: float, scratch_bytes: int, processes: int) -> None:
    """Set the kernel's own limits, a second line behind the supervisor that watches the whole tree.

    RLIMIT_AS is left alone: torch reserves far more address space than it uses.
    """
    seconds = math.ceil(cpu_seconds) + 1
    _lower(resource.RLIMIT_CPU, seconds)
    _lower(resource.RLIMIT_FSIZE, scratch_bytes)
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_NOFILE, 1024)
    if os.geteuid() != 0:  # the kernel exempts root
        # The limit counts all threads of the user, and the numerical libraries start some in each process.
        _lower(resource.RLIMIT_NPROC, _tasks_of_user() + processes + 256)


def _lower(kind: int, value: int) -> None:
    hard = resource.getrlimit(kind)[1]
    limit = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (limit, limit))


def _tasks_of_user() -> int:
    user, tasks = os.geteuid(), 0
    for entry in os.scandir("/proc"):
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and entry.stat().st_uid == user:
                tasks += sum(1 for _ in Path(f"/proc/{entry.name}/task").iterdir())
    return tasks


def drop_privileges() -> None:
    """Give up what root may do beyond reading files, for good, also across exec; for others, setuid programs."""
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    if os.geteuid() != 0:
        return
    for capability in range(64):
        if capability != CAP_DAC_READ_SEARCH:
            with contextlib.suppress(OSError):  # unknown to this kernel, or already out of reach
                prctl(PR_CAPBSET_DROP, capability)
    number = SYS_CAPSET.get(os.uname().machine)
    if number is not None:
        header = struct.pack("=Ii", CAPSET_VERSION, 0)
        kept = _permitted_capabilities() & (1 << CAP_DAC_READ_SEARCH)
        libc().syscall(number, header, struct.pack("=6I", kept, kept, 0, 0, 0, 0))


def _permitted_capabilities() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapPrm:"):
            return int(line.split()[1], 16)
    return 0


def readable_folders() -> list[str]:
    """Folders that any Python program needs to read: the interpreter, its libraries and the system's."""
    search = os.environ.get("LD_LIBRARY_PATH", "").split(":")
    return [*SYSTEM, sys.prefix, sys.base_prefix, *sys.path, *search]


def shut_file_system(readable: Iterable[str], writable: str) -> None:
    """Allow this process and its children to read below `readable` and to write below `writable`, and no more.

    Needs PR_SET_NO_NEW_PRIVS. Does nothing where the kernel has no Landlock.
    """
    abi = landlock_abi()
    if abi == 0:
        return
    handled = (1 << ACCESS_BITS[min(abi, 5)]) - 1
    attributes = [handled]
    if abi >= 4:
        attributes.append(TCP_BIND_AND_CONNECT)
    if abi >= 6:
        attributes.append(SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS)
    packed = struct.pack(f"={len(attributes)}Q", *attributes)
    call = libc().syscall
    ruleset = call(LANDLOCK_CREATE_RULESET, packed, ctypes.c_size_t(len(packed)), 0)
    if ruleset < 0:
        raise OSError(ctypes.get_errno(), "Landlock refused a ruleset")
    try:
        for path in dict.fromkeys(readable):
            _allow(ruleset, path, handled & (EXECUTE | READ_FILE | READ_DIR))
        for path in (*DEVICES, *map(str, Path("/dev").glob(GPUS))):
            _allow(ruleset, path, handled & (READ_FILE | WRITE_FILE | TRUNCATE | IOCTL_DEV))
        changes = WRITE_FILE | TRUNCATE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG
        _allow(ruleset, SHARED_MEMORY, handled & (READ_FILE | READ_DIR | changes))
        _allow(ruleset, writable, handled)
        if call(LANDLOCK_RESTRICT_SELF, ruleset, 0) != 0:
            raise OSError(ctypes.get_errno(), "Landlock refused to restrict the process")
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str, access: int) -> None:
    try:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:  # not on this machine
        return
    try:
        if not os.path.isdir(f"/proc/self/fd/{handle}"):  # noqa: PTH112 - a handle, not a path
            access &= EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
        rule = struct.pack("=Qi", access, handle)
        if libc().syscall(LANDLOCK_ADD_RULE, ruleset, LANDLOCK_RULE_PATH_BENEATH, rule, 0) != 0:
            raise OSError(ctypes.get_errno(), f"Landlock refused a rule for {path}")
    finally:
        os.close(handle)
