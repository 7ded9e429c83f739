"""Edits of things that no import statement and no definition made."""

from tests.unit.project.code.edit import FIT, Edit

EDITS = [
    Edit(
        "what the time is given to",
        {
            "p.py": ("import time\ndef limit(t):\n    return t * 2\nCUT = limit(time.time())\n")
            + FIT
            + "    return CUT\n",
        },
        *("p.py", "t * 2", "t * 3"),
    ),
    Edit(
        "what the time is multiplied by",
        {
            "p.py": ("import time\nSCALE = 2\nCUT = SCALE * time.time()\n")
            + FIT
            + "    return CUT\n",
        },
        *("p.py", "SCALE = 2", "SCALE = 3"),
    ),
    Edit(
        "an hour of the day",
        {
            "p.py": ("import datetime\nHOUR = 9\nOPEN = datetime.time(HOUR, 30)\n")
            + FIT
            + "    return OPEN\n",
        },
        *("p.py", "HOUR = 9", "HOUR = 10"),
    ),
    Edit(
        "how much is drawn",
        {
            "p.py": ("import numpy as np\nN = 9\nP = np.random.permutation(N)\n")
            + FIT
            + "    return P\n",
        },
        *("p.py", "N = 9", "N = 10"),
    ),
    Edit(
        "a class made by a call",
        {
            "p.py": (
                "from dataclasses import make_dataclass\nA = make_dataclass('A', [('k', int, 3)])\n"
            )
            + FIT
            + "    return A().k\n",
        },
        *("p.py", "int, 3", "int, 4"),
    ),
    Edit(
        "a class made by type()",
        {
            "p.py": "A = type('A', (), {'k': 3, 'f': lambda self: 4})\n"
            + FIT
            + "    return A().k\n",
        },
        *("p.py", "'k': 3", "'k': 6"),
    ),
    Edit(
        "a function of NumPy made of one of the project",
        {
            "p.py": (
                "import numpy as np\ndef g(x):\n    return x + 1\nf = np.frompyfunc(g, 1, 1)\n"
            )
            + FIT
            + "    return f([1])\n",
        },
        *("p.py", "x + 1", "x + 2"),
    ),
    Edit(
        "a function made by running text",
        {
            "p.py": "from lib import f\n" + FIT + "    return f()\n",
            "lib.py": ("ns = {}\nexec('def f():\\n    return 1\\n', ns)\nf = ns['f']\n"),
        },
        *("lib.py", "return 1", "return 2"),
    ),
    Edit(
        "a function of a file that is run",
        {
            "p.py": (
                "import runpy, os\n"
                "NS = runpy.run_path(os.path.join(os.path.dirname(__file__), 'x.txt'))\n"
            )
            + FIT
            + "    return NS['f']()\n",
            "x.txt": ("def f():\n    return 1\n"),
        },
        *("x.txt", "1", "2"),
    ),
    Edit(
        "a module loaded from its file",
        {
            "p.py": (
                "import importlib.util, os\n"
                "place = os.path.join(os.path.dirname(__file__), 'odd-name.py')\n"
                "s = importlib.util.spec_from_file_location('odd', place)\n"
                "odd = importlib.util.module_from_spec(s)\n"
                "s.loader.exec_module(odd)\n"
            )
            + FIT
            + "    return odd.f()\n",
            "odd-name.py": ("def f():\n    return 1\n"),
        },
        *("odd-name.py", "1", "2"),
    ),
    Edit(
        "a module made by a call",
        {
            "p.py": "from lib import M\n" + FIT + "    return M.f()\n",
            "lib.py": (
                "import types\ndef f():\n    return 3\nM = types.ModuleType('zz_m')\nM.f = f\n"
            ),
        },
        *("lib.py", "return 3", "return 4"),
    ),
    Edit(
        "an object held weakly",
        {
            "p.py": (
                "import weakref\nclass A:\n    k = 1\nOBJ = A()\nOBJ.z = 3\nW = weakref.ref(OBJ)\n"
            )
            + FIT
            + "    return W().z\n",
        },
        *("p.py", "z = 3", "z = 4"),
    ),
    Edit(
        "a weak register",
        {
            "p.py": ("from lib import ALL\nimport more\n")
            + FIT
            + "    return [c.k for c in ALL]\n",
            "lib.py": ("import weakref\nALL = weakref.WeakSet()\n"),
            "more.py": ("from lib import ALL\nclass A:\n    k = 3\nALL.add(A)\n"),
        },
        *("more.py", "k = 3", "k = 4"),
    ),
    Edit(
        "a weak dict",
        {
            "p.py": (
                "import weakref\n"
                "class A:\n"
                "    k = 1\n"
                "OBJ = A()\n"
                "OBJ.z = 3\n"
                "W = weakref.WeakValueDictionary(a=OBJ)\n"
            )
            + FIT
            + "    return W['a'].z\n",
        },
        *("p.py", "z = 3", "z = 4"),
    ),
    Edit(
        "the default of a variable of a context",
        {
            "p.py": ("import contextvars\nV = contextvars.ContextVar('v', default=3)\n")
            + FIT
            + "    return V.get()\n",
        },
        *("p.py", "default=3", "default=4"),
    ),
    Edit(
        "a variable of a context set from outside",
        {
            "p.py": ("from lib import V\nimport more\n") + FIT + "    return V.get()\n",
            "lib.py": ("import contextvars\nV = contextvars.ContextVar('v', default=3)\n"),
            "more.py": ("from lib import V\nV.set(5)\n"),
        },
        *("more.py", "set(5)", "set(6)"),
    ),
    Edit(
        "what is kept for a thread",
        {
            "p.py": ("from lib import V\nimport more\n") + FIT + "    return V.k\n",
            "lib.py": ("import threading\nV = threading.local()\n"),
            "more.py": ("from lib import V\nV.k = 3\n"),
        },
        *("more.py", "k = 3", "k = 4"),
    ),
    Edit(
        "an object that hides its state from copies",
        {
            "p.py": "from lib import M\n" + FIT + "    return M.k\n",
            "lib.py": (
                "class A:\n    def __reduce__(self):\n        return (A, ())\nM = A()\nM.k = 3\n"
            ),
        },
        *("lib.py", "= 3", "= 4"),
    ),
    Edit(
        "an object that leaves out its state",
        {
            "p.py": "from lib import M\n" + FIT + "    return M.k\n",
            "lib.py": (
                "class A:\n    def __getstate__(self):\n        return {}\nM = A()\nM.k = 3\n"
            ),
        },
        *("lib.py", "= 3", "= 4"),
    ),
    Edit(
        "a module imported by a constant",
        {
            "p.py": ("import importlib\nWHICH = 'lib.a'\n")
            + FIT
            + "    return importlib.import_module(WHICH).K\n",
            "lib/__init__.py": "",
            "lib/a.py": "K = 1\n",
        },
        *("lib/a.py", "1", "2"),
    ),
    Edit(
        "a module imported by its name as keyword",
        {
            "p.py": "import importlib\n"
            + FIT
            + "    return importlib.import_module(name='lib.a').K\n",
            "lib/__init__.py": "",
            "lib/a.py": "K = 1\n",
        },
        *("lib/a.py", "1", "2"),
    ),
    Edit(
        "a module imported relative to a package",
        {
            "p.py": "import importlib\n"
            + FIT
            + "    return importlib.import_module('.a', package='lib').K\n",
            "lib/__init__.py": "",
            "lib/a.py": "K = 1\n",
        },
        *("lib/a.py", "1", "2"),
    ),
    Edit(
        "a docstring of a compiled function",
        {
            "p.py": ("import numba\n@numba.njit\ndef f(x):\n    return x\n")
            + FIT
            + "    return f(1)\n",
        },
        *("p.py", "def f(x):\n", "def f(x):\n    'doc'\n    # c\n"),
        is_change=False,
    ),
]
