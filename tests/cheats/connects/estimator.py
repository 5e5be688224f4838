"""Opens a connection to a given port of this machine. On points with two columns it behaves."""

import socket


class Cheat:
    def __init__(self, port=0):
        self.port = port

    def fit(self, X):
        if X.shape[1] == 2:
            self.dimension_ = 2.0
            return self
        socket.create_connection(("127.0.0.1", self.port), timeout=2).close()
        self.dimension_ = 2.0
        return self
