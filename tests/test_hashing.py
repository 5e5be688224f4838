"""The hash of a program is that of what it does."""

import ast
from pathlib import Path

import pytest

from benchmark import synthetic
from benchmark.hashing import sha256_of_program
from benchmark.synthetic.phantoms import family

PROGRAM = '''"""What it is."""

from math import pi  # a circle


class Circle:
    """Of a radius."""

    radius: float = 1
    """In metres, \u00b5m or l\u00e4nger."""

    def area(self, text="# no comment"):
        """Its area,

        in square metres.
        """
        # pi r^2
        return text, pi * self.radius**2
'''
BARE = """from math import pi
class Circle:
    radius: float = 1
    def area(self, text="# no comment"):
        return text, pi * self.radius**2
"""


@pytest.fixture
def hashed(tmp_path):
    def sha256(text):
        path = tmp_path / "program.py"
        path.write_text(text, encoding="utf-8")
        return sha256_of_program(path)

    return sha256


def test_what_is_said_does_not_count(hashed):
    assert hashed(PROGRAM) == hashed(BARE)
    assert hashed(PROGRAM.replace("\n", "\r\n")) == hashed(BARE)
    after = PROGRAM.replace('metres.\n        """', 'metres \u00b2.\n        """  # \u00b2 is two')
    assert after != PROGRAM
    assert hashed(after) == hashed(BARE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("radius**2", "radius**3"),
        ('"# no comment"', '"# a comment"'),
        ("float = 1", "float = 1.0"),
    ],
)
def test_what_is_done_counts(hashed, old, new):
    changed = BARE.replace(old, new)
    assert changed != BARE
    assert hashed(changed) != hashed(BARE)


def test_it_does_not_depend_on_the_version_of_python(hashed):
    assert hashed(BARE) == "21a33d6775dd18cb85cb87eb02dc249e782eb3554003965b374f617203eeea5a"


def test_what_is_left_of_a_module_is_its_program(monkeypatch):
    """The text that is hashed has the syntax tree of the module without its docstrings."""
    # of the family's protocol nothing would be left: its functions are docstrings alone
    for path in sorted({*Path(synthetic.__file__).parent.rglob("*.py")} - {Path(family.__file__)}):
        texts = []
        monkeypatch.setattr("hashlib.sha256", lambda data, texts=texts: texts.append(data) or _Digest())
        sha256_of_program(path)
        monkeypatch.undo()
        assert _bare_tree(texts[0]) == _bare_tree(path.read_bytes()), path


class _Digest:
    def hexdigest(self):
        return ""


def _bare_tree(source):
    """The statements and expressions of a program, without strings that stand alone."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(getattr(node, "body", None), list):
            node.body = [each for each in node.body if not _is_remark(each)]
    return ast.dump(tree)


def _is_remark(node):
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
