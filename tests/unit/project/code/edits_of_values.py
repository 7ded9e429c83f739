"""Edits of functions, classes and objects that a fit reaches, and of what they hold."""

from tests.unit.project.code.edit import FIT, Edit

EDITS = [
    Edit(
        "bound fit",
        {
            "p.py": (
                "class T:\n"
                "    k = 1\n"
                "    def go(self, train, run):\n"
                "        return self.k\n"
                "m = ms.model(history, name='m')(T().go)\n"
            ),
        },
        *("p.py", "k = 1", "k = 2"),
    ),
    Edit(
        "partial fit",
        {
            "p.py": (
                "import functools\n"
                "def f(train, run, k):\n"
                "    return k\n"
                "m = ms.model(history, name='m')(functools.partial(f, k=1))\n"
            ),
        },
        *("p.py", "k=1", "k=2"),
    ),
    Edit(
        "factory",
        {
            "p.py": (
                "def make(k):\n"
                "    def fit(train, run):\n"
                "        return k\n"
                "    return fit\n"
                "ms_ = [ms.model(history, name=f'm{k}')(make(k)) for k in (1, 2)]\n"
            ),
        },
        *("p.py", "(1, 2)", "(1, 3)"),
    ),
    Edit(
        "class decorator",
        {
            "p.py": ("def dec(c):\n    c.k = 1\n    return c\n@dec\nclass A:\n    pass\n")
            + FIT
            + "    return A().k\n",
        },
        *("p.py", "c.k = 1", "c.k = 2"),
    ),
    Edit(
        "globals()",
        {
            "p.py": ("def h1():\n    return 1\n") + FIT + "    return globals()['h' + '1']()\n",
        },
        *("p.py", "return 1", "return 2"),
    ),
    Edit(
        "subclasses elsewhere",
        {
            "p.py": ("from lib.shapes import Base\nimport lib.more\n")
            + FIT
            + "    return [c() for c in Base.__subclasses__()]\n",
            "lib/__init__.py": "",
            "lib/shapes.py": ("class Base:\n    pass\n"),
            "lib/more.py": ("from lib.shapes import Base\nclass Sub(Base):\n    k = 1\n"),
        },
        *("lib/more.py", "k = 1", "k = 2"),
    ),
    Edit(
        "other model's fit",
        {
            "p.py": ("@ms.model(history, name='a')\ndef a(train, run):\n    return 1\n")
            + FIT
            + "    return a.fit(train, run)\n",
        },
        *("p.py", "return 1", "return 2"),
    ),
    Edit(
        "generator",
        {
            "p.py": ("def g():\n    yield 1\n") + FIT + "    return list(g())\n",
        },
        *("p.py", "yield 1", "yield 2"),
    ),
    Edit(
        "async",
        {
            "p.py": ("async def g():\n    return 1\n") + FIT + "    return g\n",
        },
        *("p.py", "return 1", "return 2"),
    ),
    Edit(
        "a lambda's default",
        {
            "p.py": "g = lambda x, k=1: k\n" + FIT + "    return g(1)\n",
        },
        *("p.py", "k=1", "k=2"),
    ),
    Edit(
        "set of functions",
        {
            "p.py": ("def a():\n    return 1\nS = {a}\n") + FIT + "    return S\n",
        },
        *("p.py", "return 1", "return 2"),
    ),
    Edit(
        "annotated class attr",
        {
            "p.py": ("class A:\n    k: int = 1\n") + FIT + "    return A.k\n",
        },
        *("p.py", "= 1", "= 2"),
    ),
    Edit(
        "nested class",
        {
            "p.py": ("class A:\n    class B:\n        k = 1\n") + FIT + "    return A.B.k\n",
        },
        *("p.py", "k = 1", "k = 2"),
    ),
    Edit(
        "seterr",
        {
            "p.py": ("import numpy as np\nnp.seterr(all='ignore')\n") + FIT + "    return 1\n",
        },
        *("p.py", "ignore", "raise"),
    ),
    Edit(
        "_ = seterr",
        {
            "p.py": ("import numpy as np\n_ = np.seterr(all='ignore')\n") + FIT + "    return 1\n",
        },
        *("p.py", "ignore", "raise"),
    ),
    Edit(
        "augmented",
        {
            "p.py": ("T = 1\nT += 1\n") + FIT + "    return T\n",
        },
        *("p.py", "+= 1", "+= 2"),
    ),
    Edit(
        "msgspec/attrs-like meta",
        {
            "p.py": ("import msgspec\nclass A(msgspec.Struct):\n    k: int = 1\n")
            + FIT
            + "    return A()\n",
        },
        *("p.py", "= 1", "= 2"),
    ),
    Edit(
        "default factory",
        {
            "p.py": (
                "from dataclasses import dataclass, field\n"
                "@dataclass\n"
                "class A:\n"
                "    k: list = field(default_factory=lambda: [1])\n"
            )
            + FIT
            + "    return A()\n",
        },
        *("p.py", "[1]", "[2]"),
    ),
    Edit(
        "enum method",
        {
            "p.py": (
                "from enum import Enum\n"
                "class A(Enum):\n"
                "    X = 1\n"
                "    def f(self):\n"
                "        return 1\n"
            )
            + FIT
            + "    return A.X.f()\n",
        },
        *("p.py", "return 1", "return 2"),
    ),
    Edit(
        "exception class",
        {
            "p.py": ("class E(Exception):\n    k = 1\n") + FIT + "    raise E\n",
        },
        *("p.py", "k = 1", "k = 2"),
    ),
    Edit(
        "__new__",
        {
            "p.py": ("class E:\n    def __new__(cls):\n        return 1\n")
            + FIT
            + "    return E()\n",
        },
        *("p.py", "return 1", "return 2"),
    ),
    Edit(
        "docstring of a method",
        {
            "p.py": ("class E:\n    def f(cls):\n        'a'\n        return 1\n")
            + FIT
            + "    return E()\n",
        },
        *("p.py", "'a'", "'b'"),
        is_change=False,
    ),
    Edit(
        "docstring of a property, dataclass, enum",
        {
            "p.py": (
                "from enum import Enum\n"
                "from dataclasses import dataclass\n"
                "@dataclass\n"
                "class D:\n"
                "    'a'\n"
                "    x: int = 1\n"
                "class E(Enum):\n"
                "    'a'\n"
                "    X = 1\n"
                "class E2:\n"
                "    'a'\n"
                "    @property\n"
                "    def f(cls):\n"
                "        'a'\n"
                "        return 1\n"
            )
            + FIT
            + "    return E, E2, D(), E.X\n",
        },
        *("p.py", "'a'", "'b'"),
        is_change=False,
    ),
    Edit(
        "functools.wraps'd docstring",
        {
            "p.py": (
                "import functools\n"
                "def d(f):\n"
                "    @functools.wraps(f)\n"
                "    def w(*a):\n"
                "        'a'\n"
                "        return f(*a)\n"
                "    return w\n"
                "@d\n"
                "def h():\n"
                "    'a'\n"
                "    return 1\n"
            )
            + FIT
            + "    return h()\n",
        },
        *("p.py", "'a'", "'b'"),
        is_change=False,
    ),
]
