"""A project whose fit reaches its code in every way that Python has, for the law of edits."""

FILES = {
    "project.toml": 'name = "code"\n',
    "events.csv": "n,who,at,x,y\n1,1,2024-01-01T00:00:00Z,0.5,1\n2,1,2024-01-02T00:00:00Z,0.1,0\n",
    "params.json": '{"power": 2}\n',
    "p.py": '''"""Whether y."""
import importlib
import sys

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import FunctionTransformer

import lib.knobs
import lib.late
import lib.plugins
import shop
from lib import RATE, shapes
from lib.decorated import cached, prepared, timed
from lib.everything import *
from lib.objects import ADDER, CLIP, ITEMS, LEVEL, MATRIX, PATTERN, SCALER, SINCE, STEPS, TEMPLATE
from lib.objects import LEVELS
import mainspring as ms
from mainspring import col

WEIGHTS = {"b": 2, "a": 1}
NAMES = {"zeta", "alpha", "mid"}

if sys.version_info >= (3, 0):
    def chosen(X):
        return X + 1
else:
    def chosen(X):
        return X - 1


class Quiet:
    """Reads itself."""

    def __init__(self):
        self.factor = 1.0


def helper(X):
    return X * helper.factor


helper.factor = 3


def nested(X):
    def inner(Y):
        return Y * RATE
    return [inner(each) for each in X]


def lazy(X):
    from lib.local import doubled
    try:
        from .lib import missing
    except ImportError:
        pass
    tripled = importlib.import_module("lib.named").tripled
    return tripled(doubled(X))


def unused(X):
    return X - 100


events = ms.Source("events", "events.csv", id="n", event_time="at")
feats = ms.OnDemandFeatureView("feats", features={"x": col("x")})
history = ms.TrainingSet(
    "history", spine=events, prediction_time=col("at"), request=["who", "x"],
    label=ms.Label(events, col("y") > 0, join_on="n"), features=[feats],
    split=ms.split_by_time(
        train_from="2024-01-01", test_from="2024-01-08", test_until="2024-01-12"
    ),
)


@ms.model(history, gates=[])
def m(train, run):
    X = CLIP(prepared(cached(timed(train.X)))) * lib.knobs.GAIN * lib.knobs.deep.MORE
    for each in STEPS:
        X = each(X)
    for each in ITEMS.values():
        X = each(X, SCALER)
    X = helper(chosen(lazy(nested(X)))) + shapes.size(X) + ADDER(3) + MATRIX.sum() + COMMON
    X = X + shapes.Square().area(2) + LEVEL.value + shapes.Point(1).x + shop.total(X)
    X = X * lib.late.lazily_found if PATTERN.match("a") and SINCE else FunctionTransformer(np.log)
    X = [X for kind in shapes.Shape.__subclasses__()] and asked(X) and [*made(X), *every(X)]
    X = later(X) and TEMPLATE and LEVELS
    return LogisticRegression(C=float(sum(WEIGHTS.values()) + len(NAMES))).fit(train.X, train.y)


ms.Endpoint("m", model=m)
''',
    "shop.py": '''import json
import time
from decimal import Decimal
from fractions import Fraction
from pathlib import Path


def total(X):
    """Sums."""
    return X + PRICE + float(SHARE) + POWER * (STARTED + 1)


PRICE = Decimal("1.50")
SHARE = Fraction(1, 3)
POWER = json.loads((Path(__file__).parent / "params.json").read_text())["power"]
STARTED = time.time() + 0
''',
    "lib/__init__.py": "from .rates import RATE\n",
    "lib/rates.py": "RATE = 1.5\n",
    "lib/knobs.py": "from lib.base import GAIN\nfrom lib import deep\n",
    "lib/base.py": "GAIN = 3.0\n",
    "lib/deep.py": "MORE = 2\n",
    "lib/local.py": '''"""Local."""
from lib.far import FAR


def doubled(X):
    return X * 2 + FAR
''',
    "lib/far.py": "FAR = 1\n",
    "lib/named.py": "def tripled(X):\n    return X * 3\n",
    "lib/late.py": "def __getattr__(name):\n    return 4\n",
    "lib/everything.py": """from functools import singledispatch
import contextlib

COMMON = 5


@singledispatch
def asked(value):
    return value


@asked.register
def _(value: int):
    return value + 1


@contextlib.contextmanager
def made(X):
    yield X + 1


async def later(X):
    return X + 21


def every(X):
    yield X + 22
""",
    "lib/decorated.py": """import functools
import time

from lib.tools import measured


def scaled(factor):
    def decorate(function):
        @functools.wraps(function)
        def inner(X):
            return function(X) * factor
        return inner
    return decorate


@scaled(2.0)
def prepared(X):
    return X + 0.25


@functools.lru_cache(maxsize=8)
def cached(X):
    return X + 0.125


@measured
def timed(X):
    return X - 0.5
""",
    "lib/tools.py": '''class measured:
    """Counts calls."""

    extra = 1

    def __init__(self, function):
        self.function = function

    def __call__(self, X):
        return self.function(X) + self.extra
''',
    "lib/objects.py": """import datetime
import functools
import re
from dataclasses import dataclass
from enum import Enum

import numpy as np
from sklearn.preprocessing import StandardScaler

from lib.registry import STEPS, step


class Clipper:
    def __init__(self, most):
        self.most = most

    def go(self, X):
        return np.minimum(X, self.most)


class Level(Enum):
    LOW = 1
    HIGH = 2
    TOP = 4


@dataclass(frozen=True)
class Limits:
    low: float = 0.0
    high: float = 9.0


@step
def shifted(X):
    return X + 0.5


def added(X, Y, by=1):
    return X + Y + by


CLIP = Clipper(50.0).go
ADDER = functools.partial(added, 2, by=7)
ITEMS = {"first": lambda X, S: X + 1, "second": lambda X, S: X + 2}
MATRIX = np.array([[1.0, 2.0], [3.0, 4.0]])
PATTERN = re.compile("a+")
SINCE = datetime.date(2024, 1, 1)
LEVEL = Level.LOW
LEVELS = {Level.LOW, Level.HIGH, Level.TOP}
SCALER = Limits(high=8.0)
TEMPLATE = StandardScaler(with_mean=False)
""",
    "lib/registry.py": """STEPS = []


def step(function):
    STEPS.append(function)
    return function
""",
    "lib/plugins.py": """from lib.registry import STEPS


def plugged(X):
    return X + 11


STEPS.append(plugged)
""",
    "lib/shapes.py": '''class Tracked:
    """A descriptor."""

    def __init__(self, start):
        self.start = start

    def __get__(self, owner, kind):
        return self.start + 0


class Meta(type):
    def __call__(cls, *given):
        return super().__call__(*given)


class Shape(metaclass=Meta):
    scale = 1.0
    seen = Tracked(6)

    def area(self, side):
        return self.factor * side * helped(self.scale)

    @property
    def factor(self):
        return 2

    @staticmethod
    def plain(side):
        return side + 17

    @classmethod
    def fresh(cls):
        return cls() or 18


class Square(Shape):
    pass


class Point:
    __slots__ = ("x",)

    def __init__(self, x):
        self.x = x


def helped(value):
    return value + 1


def size(X, unit=4, *, names=("a", "b")):
    return len(X) * unit
''',
}

PLAIN = "    @staticmethod\n    def plain(side):\n        return side + 17\n"
FRESH = "    @classmethod\n    def fresh(cls):\n        return cls() or 18\n"

EDITS = [
    ("the fit", "p.py", "X = CLIP(", "X = 1 + CLIP("),
    ("a constant", "p.py", '"a": 1', '"a": 5'),
    ("the keys of a dict in another order", "p.py", '{"b": 2, "a": 1}', '{"a": 1, "b": 2}'),
    ("a set", "p.py", '"alpha", ', ""),
    ("a module that a function imports", "lib/local.py", "X * 2", "X * 3"),
    ("what such a module imports", "lib/far.py", "FAR = 1", "FAR = 2"),
    ("a module imported by its name", "lib/named.py", "X * 3", "X * 4"),
    ("a function of a module", "lib/late.py", "return 4", "return 5"),
    ("an attribute of a function", "p.py", "helper.factor = 3", "helper.factor = 4"),
    ("a chosen definition", "p.py", "return X + 1", "return X + 2"),
    ("a name of a nested function", "lib/rates.py", "1.5", "2.5"),
    ("a constant behind two modules", "lib/base.py", "GAIN = 3.0", "GAIN = 4.0"),
    ("a constant of a module of a module", "lib/deep.py", "MORE = 2", "MORE = 3"),
    ("an argument of a decorator", "lib/decorated.py", "@scaled(2.0)", "@scaled(3.0)"),
    ("the body of a decorator", "lib/decorated.py", "* factor", "* factor + 1"),
    ("a decorator taken away", "lib/decorated.py", "@scaled(2.0)\n", ""),
    ("a decorated function", "lib/decorated.py", "X + 0.25", "X + 0.75"),
    ("a cached function", "lib/decorated.py", "X + 0.125", "X + 0.375"),
    ("the size of a cache", "lib/decorated.py", "maxsize=8", "maxsize=9"),
    ("a function in a decorating object", "lib/decorated.py", "X - 0.5", "X - 0.25"),
    ("the class of a decorating object", "lib/tools.py", "(X) + self.extra", "(X) - self.extra"),
    ("an attribute of that class", "lib/tools.py", "extra = 1", "extra = 2"),
    ("a bound method", "lib/objects.py", "np.minimum(X", "np.maximum(X"),
    ("the object of a bound method", "lib/objects.py", "Clipper(50.0)", "Clipper(5.0)"),
    ("a function that registers itself", "lib/objects.py", "X + 0.5", "X + 0.75"),
    ("a function registered elsewhere", "lib/plugins.py", "X + 11", "X + 12"),
    ("what is registered", "lib/plugins.py", "STEPS.append(plugged)", ""),
    ("a partial's function", "lib/objects.py", "X + Y + by", "X - Y + by"),
    ("a partial's argument", "lib/objects.py", "by=7", "by=8"),
    ("a partial's position", "lib/objects.py", "added, 2", "added, 3"),
    ("a lambda in a dict", "lib/objects.py", "X, S: X + 2", "X, S: X + 3"),
    ("a lambda beside another", "lib/objects.py", "X, S: X + 1", "X, S: X - 1"),
    ("an array", "lib/objects.py", "4.0]]", "5.0]]"),
    ("a pattern", "lib/objects.py", '"a+"', '"b+"'),
    ("a date", "lib/objects.py", "2024, 1, 1", "2024, 1, 2"),
    ("a member of an enumeration", "lib/objects.py", "LEVEL = Level.LOW", "LEVEL = Level.HIGH"),
    ("a set of members", "lib/objects.py", ", Level.TOP}", "}"),
    ("the value of a member", "lib/objects.py", "LOW = 1", "LOW = 3"),
    ("a field of a record", "lib/objects.py", "high=8.0", "high=7.0"),
    ("a default of a record", "lib/objects.py", "low: float = 0.0", "low: float = 1.0"),
    ("an object of another library", "lib/objects.py", "with_mean=False", "with_std=False"),
    ("a Decimal", "shop.py", '"1.50"', '"1.60"'),
    ("a file that is read on import", "params.json", "2", "3"),
    ("how the time is asked for", "shop.py", "time.time() + 0", "time.time() + 1"),
    ("a coroutine", "lib/everything.py", "X + 21", "X + 23"),
    ("a generator", "lib/everything.py", "X + 22", "X + 23"),
    ("a Fraction", "shop.py", "(1, 3)", "(1, 4)"),
    ("a helper of a class that is inherited from", "lib/shapes.py", "value + 1", "value + 2"),
    ("a method that is inherited", "lib/shapes.py", "* side * helped", "+ side * helped"),
    ("an attribute of a class", "lib/shapes.py", "scale = 1.0", "scale = 2.0"),
    ("a property", "lib/shapes.py", "return 2\n", "return 3\n"),
    ("a static method", "lib/shapes.py", "side + 17", "side + 19"),
    ("a class method", "lib/shapes.py", "or 18", "or 20"),
    ("a descriptor", "lib/shapes.py", "start + 0", "start + 1"),
    ("the state of a descriptor", "lib/shapes.py", "Tracked(6)", "Tracked(7)"),
    ("a metaclass", "lib/shapes.py", "__call__(*given)", "__call__()"),
    ("a subclass", "lib/shapes.py", "Square(Shape)", "Square(Shape, dict)"),
    ("a slot", "lib/shapes.py", "self.x = x", "self.x = x + 1"),
    ("a default", "lib/shapes.py", "unit=4", "unit=5"),
    ("a default by keyword", "lib/shapes.py", '"a", "b"', '"a", "c"'),
    ("a name imported by a star", "lib/everything.py", "COMMON = 5", "COMMON = 6"),
    ("an implementation for a class", "lib/everything.py", "value + 1", "value + 2"),
    ("what an implementation is for", "lib/everything.py", "value: int", "value: str"),
    ("a function behind a library's decorator", "lib/everything.py", "yield X + 1", "yield X + 2"),
    ("a register filled by another module", "p.py", "import lib.plugins\n", ""),
    (
        "an attribute of a module set from outside",
        "shop.py",
        "def total",
        "import lib.base\nimport lib.knobs\nlib.knobs.GAIN = 9\n\n\ndef total",
    ),
    (
        "a method replaced from outside",
        "lib/plugins.py",
        "STEPS.append(plugged)",
        "STEPS.append(plugged)\nimport lib.shapes\nlib.shapes.Square.area = plugged",
    ),
    (
        "what a module does to another library",
        "shop.py",
        "PRICE =",
        "import numpy\nnumpy.seterr(over='raise')\nPRICE =",
    ),
]

NO_EDITS = [
    ("a comment", "p.py", "    X = CLIP(", "    # why\n    X = CLIP("),
    ("a docstring of a module", "p.py", '"""Whether y."""', '"""Whether y is above 0."""'),
    ("a docstring of a function", "shop.py", '"""Sums."""', '"""Adds up."""'),
    ("a docstring of a class", "lib/tools.py", '    """Counts calls."""\n\n', ""),
    (
        "layout",
        "lib/objects.py",
        "np.minimum(X, self.most)",
        "np.minimum(\n            X, self.most\n        )",
    ),
    ("the place of a helper", "shop.py", "def total", "\n\n\ndef total"),
    (
        "the place of a lambda",
        "lib/objects.py",
        'ITEMS = {"first": lambda X, S: X + 1,',
        'ITEMS = {\n    "first": lambda X, S: (X + 1),\n   ',
    ),
    (
        "the order of definitions",
        "p.py",
        'WEIGHTS = {"b": 2, "a": 1}\nNAMES = {"zeta", "alpha", "mid"}',
        'NAMES = {"zeta", "alpha", "mid"}\nWEIGHTS = {"b": 2, "a": 1}',
    ),
    (
        "the order of the members of a set",
        "p.py",
        '"zeta", "alpha", "mid"',
        '"mid", "zeta", "alpha"',
    ),
    ("a function that nothing uses", "p.py", "return X - 100", "return X - 200"),
    ("the branch that is not defined", "p.py", "return X - 1\n", "return X - 2\n"),
    (
        "a comment in a module that a function imports",
        "lib/local.py",
        "def doubled",
        "# twice\ndef doubled",
    ),
    ("the docstring of such a module", "lib/local.py", '"""Local."""', '"""Near."""'),
    (
        "the order of arguments by name",
        "lib/objects.py",
        're.compile("a+")',
        're.compile(  pattern="a+")',
    ),
    ("how a constant is written", "lib/rates.py", "1.5", "15e-1"),
    (
        "gates and roll-out",
        "p.py",
        "gates=[])",
        'gates=[ms.gates.min_metric("roc_auc", 0.1)], owner="ada")',
    ),
    (
        "a schedule",
        "p.py",
        'ms.Endpoint("m", model=m)',
        'ms.Endpoint("m", model=m)\nms.Monitor(m, schedule="daily")',
    ),
    (
        "a script's part",
        "p.py",
        'ms.Endpoint("m", model=m)',
        'ms.Endpoint("m", model=m)\nif __name__ == "__main__":\n    print(1)',
    ),
    ("methods in another order", "lib/shapes.py", PLAIN + "\n" + FRESH, FRESH + "\n" + PLAIN),
    ("a module that nothing imports", "lib/far.py", "FAR = 1\n", "FAR = 1  # far\n"),
]
