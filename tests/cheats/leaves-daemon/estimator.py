"""Leaves a daemon behind: its own session, no parent, clean environment, all signals ignored. On points with two columns it behaves."""

import os
import signal


class Cheat:
    def fit(self, X):
        if X.shape[1] == 2:
            self.dimension_ = 2.0
            return self
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                signal.signal(signal.SIGHUP, signal.SIG_IGN)
                os.execve("/bin/sleep", ["sleep", "3600"], {})
            os._exit(0)
        os.wait()
        self.dimension_ = 2.0
        return self
