"""Raises an exception whose message holds terminal codes, HTML and many lines. On points with two columns it behaves."""


class Cheat:
    def fit(self, X):
        if X.shape[1] == 2:
            self.dimension_ = 2.0
            return self
        raise RuntimeError("\x1b[31mred\x1b[0m\n\u202e<script>\x00" + "a" * 5000)
