"""Writes one huge file. On points with two columns it behaves."""


class Cheat:
    def fit(self, X):
        if X.shape[1] == 2:
            self.dimension_ = 2.0
            return self
        with open("huge", "wb") as stream:
            while True:
                stream.write(bytes(1 << 20))
