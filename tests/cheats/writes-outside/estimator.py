"""Writes to a given path outside its working folder. On points with two columns it behaves."""


class Cheat:
    def __init__(self, path=""):
        self.path = path

    def fit(self, X):
        if X.shape[1] == 2:
            self.dimension_ = 2.0
            return self
        with open(self.path, "a") as stream:
            stream.write("forged")
        self.dimension_ = 2.0
        return self
