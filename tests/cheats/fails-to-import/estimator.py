"""Imports a package that is not there. On points with two columns it behaves."""

import a_package_that_is_not_there


class Cheat:
    def fit(self, X):
        if X.shape[1] == 2:
            self.dimension_ = 2.0
            return self
        self.dimension_ = 2.0
        return self
