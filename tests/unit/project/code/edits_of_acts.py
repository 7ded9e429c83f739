"""Edits of what modules do to the world when they are imported."""

from tests.unit.project.code.edit import FIT, Edit

EDITS = [
    Edit(
        "an act by a method of a project class",
        {
            "p.py": (
                "import numpy as np\n"
                "class S:\n"
                "    def go(self):\n"
                "        np.seterr(over='raise')\n"
                "S().go()\n"
            )
            + FIT
            + "    return 1\n",
        },
        *("p.py", "raise", "ignore"),
    ),
    Edit(
        "an act by constructor",
        {
            "p.py": (
                "import numpy as np\n"
                "class S:\n"
                "    def __init__(self):\n"
                "        np.seterr(over='raise')\n"
                "S()\n"
            )
            + FIT
            + "    return 1\n",
        },
        *("p.py", "raise", "ignore"),
    ),
    Edit(
        "an act by method of imported object",
        {
            "p.py": ("from lib import SETUP\nSETUP.go()\n") + FIT + "    return 1\n",
            "lib.py": (
                "import numpy as np\n"
                "class S:\n"
                "    def go(self):\n"
                "        np.seterr(over='raise')\n"
                "SETUP = S()\n"
            ),
        },
        *("lib.py", "raise", "ignore"),
    ),
    Edit(
        "an act by assignment",
        {
            "p.py": ("import numpy as np\nOLD = np.seterr(over='raise')\n")
            + FIT
            + "    return 1\n",
        },
        *("p.py", "raise", "ignore"),
    ),
    Edit(
        "an act by _old assignment in lib",
        {
            "p.py": "import lib\n" + FIT + "    return 1\n",
            "lib.py": ("import numpy as np\n_old = np.seterr(over='raise')\n"),
        },
        *("lib.py", "raise", "ignore"),
    ),
    Edit(
        "an act by assignment from a project function",
        {
            "p.py": "import lib\n" + FIT + "    return 1\n",
            "lib.py": (
                "import numpy as np\n"
                "def setup():\n"
                "    np.seterr(over='raise')\n"
                "    return True\n"
                "DONE = setup()\n"
            ),
        },
        *("lib.py", "raise", "ignore"),
    ),
    Edit(
        "an act by tuple assignment",
        {
            "p.py": ("import numpy as np\na, b = 1, np.seterr(over='raise')\n")
            + FIT
            + "    return 1\n",
        },
        *("p.py", "raise", "ignore"),
    ),
    Edit(
        "a class that registers itself with another library",
        {
            "p.py": "import lib\n" + FIT + "    return train.X.geo.dist()\n",
            "lib.py": (
                "import collections.abc\n"
                "@collections.abc.Sized.register\n"
                "class Geo:\n"
                "    def __init__(self, df):\n"
                "        self.df = df\n"
                "    def dist(self):\n"
                "        return self.df * 2\n"
            ),
        },
        *("lib.py", "* 2", "* 3"),
    ),
    Edit(
        "a function that registers itself with another library",
        {
            "p.py": "import lib\n" + FIT + "    return 1\n",
            "lib.py": ("import atexit\n@atexit.register\ndef f():\n    return 1 * 2\n"),
        },
        *("lib.py", "* 2", "* 3"),
    ),
    Edit(
        "setattr in a loop",
        {
            "p.py": "import lib\n" + FIT + "    return 1\n",
            "lib.py": (
                "import numpy as np\n"
                "def a():\n"
                "    return 1\n"
                "for n in ('zz1', 'zz2'):\n"
                "    setattr(np, n, a)\n"
            ),
        },
        *("lib.py", "return 1", "return 2"),
    ),
    Edit(
        "setattr on another library's class",
        {
            "p.py": ("from sklearn.linear_model import LogisticRegression as L\nimport patch\n")
            + FIT
            + "    return L().fit(train.X, train.y)\n",
            "patch.py": (
                "from sklearn.linear_model import LogisticRegression\n"
                "def extra(self):\n"
                "    return 1\n"
                "setattr(LogisticRegression, 'zz_extra2', extra)\n"
            ),
        },
        *("patch.py", "return 1", "return 2"),
    ),
    Edit(
        "a class registered with an abstract one",
        {
            "p.py": ("import abc\nclass B(abc.ABC):\n    pass\nclass K:\n    pass\nB.register(K)\n")
            + FIT
            + "    return isinstance(K(), B)\n",
        },
        *("p.py", "B.register(K)\n", ""),
    ),
]
