"""Tries to become root, to mount, to enter new namespaces and to load a kernel module. On points with two columns it behaves."""

import ctypes
import os

CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000


class Cheat:
    def fit(self, X):
        if X.shape[1] == 2:
            self.dimension_ = 2.0
            return self
        libc = ctypes.CDLL(None, use_errno=True)
        attempts = {
            "become root": lambda: os.geteuid() != 0 and libc.setresuid(0, 0, 0) == 0,
            "mount": lambda: libc.mount(b"none", b"/tmp", b"tmpfs", 0, None) == 0,
            "change the root": lambda: libc.chroot(b"/tmp") == 0,
            "a network namespace": lambda: libc.unshare(CLONE_NEWNET) == 0,
            "set the host's name": lambda: libc.sethostname(b"owned", 5) == 0,
            "run a setuid program": lambda: (
                os.geteuid() != 0 and os.system("su -c true </dev/null >/dev/null 2>&1") == 0
            ),
            "open a raw disk": lambda: bool(os.open("/dev/sda", os.O_RDONLY)),
            "trace the parent": lambda: libc.ptrace(16, os.getppid(), 0, 0) == 0,
        }
        gained = []
        for name, attempt in attempts.items():
            try:
                if attempt():
                    gained.append(name)
            except OSError:
                pass
        print("gained:", *gained)
        self.dimension_ = 1.0 + len(gained)
        return self
