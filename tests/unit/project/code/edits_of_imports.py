"""Edits of modules that a fit reaches by an import, wherever the import stands."""

from tests.unit.project.code.edit import FIT, Edit

EDITS = [
    Edit(
        "namespace package",
        {
            "p.py": "import lib.knobs\n" + FIT + "    return lib.knobs.GAIN\n",
            "lib/knobs.py": "GAIN = 1\n",
        },
        *("lib/knobs.py", "1", "2"),
    ),
    Edit(
        "namespace package unused",
        {
            "p.py": "import lib.knobs\n" + FIT + "    return lib.knobs.GAIN\n",
            "lib/knobs.py": ("GAIN = 1\nB = 2\n"),
        },
        *("lib/knobs.py", "B = 2", "B = 3"),
        is_change=False,
    ),
    Edit(
        "namespace inside",
        {
            "p.py": FIT + ("    import lib.knobs\n    return lib.knobs.GAIN\n"),
            "lib/knobs.py": "GAIN = 1\n",
        },
        *("lib/knobs.py", "1", "2"),
    ),
    Edit(
        "namespace inside from",
        {
            "p.py": FIT + ("    from lib import knobs\n    return knobs.GAIN\n"),
            "lib/knobs.py": "GAIN = 1\n",
        },
        *("lib/knobs.py", "1", "2"),
    ),
    Edit(
        "alias inside",
        {
            "p.py": FIT + ("    import lib.sub.knobs as k\n    return k.GAIN\n"),
            "lib/__init__.py": "",
            "lib/sub/__init__.py": "X = 1\n",
            "lib/sub/knobs.py": "GAIN = 1\n",
        },
        *("lib/sub/knobs.py", "1", "2"),
    ),
    Edit(
        "package init of it",
        {
            "p.py": FIT + ("    import lib.sub.knobs as k\n    return k.GAIN\n"),
            "lib/__init__.py": "",
            "lib/sub/__init__.py": "X = 1\n",
            "lib/sub/knobs.py": "GAIN = 1\n",
        },
        *("lib/sub/__init__.py", "1", "2"),
    ),
    Edit(
        "computed getattr of a module",
        {
            "p.py": "import lib.knobs\n" + FIT + "    return getattr(lib.knobs, 'GA' + 'IN')\n",
            "lib/__init__.py": "",
            "lib/knobs.py": "from lib.base import GAIN\n",
            "lib/base.py": "GAIN = 1\n",
        },
        *("lib/base.py", "1", "2"),
    ),
    Edit(
        "globals() imported",
        {
            "p.py": "from lib import h1\n" + FIT + "    return globals()['h' + '1']()\n",
            "lib.py": ("def h1():\n    return 1\n"),
        },
        *("lib.py", "return 1", "return 2"),
    ),
    Edit(
        "import_module relative",
        {
            "p.py": "import importlib\n"
            + FIT
            + "    return importlib.import_module('.named', 'lib').X\n",
            "lib/__init__.py": "",
            "lib/named.py": "X = 1\n",
        },
        *("lib/named.py", "1", "2"),
    ),
    Edit(
        "__import__",
        {
            "p.py": FIT + "    return __import__('lib.named')\n",
            "lib/__init__.py": "",
            "lib/named.py": "X = 1\n",
        },
        *("lib/named.py", "1", "2"),
    ),
    Edit(
        "sys.modules",
        {
            "p.py": "import sys, lib.named\n" + FIT + "    return sys.modules['lib.named'].X\n",
            "lib/__init__.py": "",
            "lib/named.py": "X = 1\n",
        },
        *("lib/named.py", "1", "2"),
    ),
    Edit(
        "sys.modules[__name__]",
        {
            "p.py": ("import sys\nX = 1\n")
            + FIT
            + "    return getattr(sys.modules[__name__], 'X')\n",
        },
        *("p.py", "X = 1", "X = 2"),
    ),
    Edit(
        "init_subclass registry",
        {
            "p.py": ("from lib.shapes import Base\nimport lib.more\n")
            + FIT
            + "    return [c() for c in Base.known]\n",
            "lib/__init__.py": "",
            "lib/shapes.py": (
                "class Base:\n"
                "    known = []\n"
                "    def __init_subclass__(cls):\n"
                "        Base.known.append(cls)\n"
            ),
            "lib/more.py": ("from lib.shapes import Base\nclass Sub(Base):\n    k = 1\n"),
        },
        *("lib/more.py", "k = 1", "k = 2"),
    ),
    Edit(
        "conditional import",
        {
            "p.py": (
                "try:\n"
                "    from lib.fast import f\n"
                "except ImportError:\n"
                "    from lib.slow import f\n"
            )
            + FIT
            + "    return f()\n",
            "lib/__init__.py": "",
            "lib/slow.py": ("def f():\n    return 1\n"),
        },
        *("lib/slow.py", "return 1", "return 2"),
    ),
    Edit(
        "import for its effect, inside",
        {
            "p.py": "from lib.reg import R\n" + FIT + ("    import lib.plug\n    return R\n"),
            "lib/__init__.py": "",
            "lib/reg.py": "R = []\n",
            "lib/plug.py": ("from lib.reg import R\nR.append(1)\n"),
        },
        *("lib/plug.py", "append(1)", "append(2)"),
    ),
    Edit(
        "import behind an unloaded module's function",
        {
            "p.py": FIT + ("    from lib.a import f\n    return f()\n"),
            "lib/__init__.py": "",
            "lib/a.py": ("def f():\n    from lib.b import X\n    return X\n"),
            "lib/b.py": "X = 1\n",
        },
        *("lib/b.py", "1", "2"),
    ),
    Edit(
        "unloaded import of loaded",
        {
            "p.py": "import lib.b\n" + FIT + ("    from lib.a import f\n    return f()\n"),
            "lib/__init__.py": "",
            "lib/a.py": ("from lib.b import X\ndef f():\n    return X\n"),
            "lib/b.py": "X = 1\n",
        },
        *("lib/b.py", "1", "2"),
    ),
    Edit(
        "comment in unloaded",
        {
            "p.py": FIT + ("    from lib.a import f\n    return f()\n"),
            "lib/__init__.py": "",
            "lib/a.py": ("def f():\n    return 1\n"),
        },
        *("lib/a.py", "def f", ("# c\n\ndef f")),
        is_change=False,
    ),
    Edit(
        "order in unloaded",
        {
            "p.py": FIT + ("    from lib.a import f\n    return f()\n"),
            "lib/__init__.py": "",
            "lib/a.py": ("def f():\n    return 1\ndef g():\n    return 2\n"),
        },
        *(
            "lib/a.py",
            ("def f():\n    return 1\ndef g():\n    return 2\n"),
            ("def g():\n    return 2\n\n\ndef f():\n    'doc'\n    return 1\n"),
        ),
        is_change=False,
    ),
    Edit(
        "__init__ reexport inside",
        {
            "p.py": FIT + ("    from lib import f\n    return f()\n"),
            "lib/__init__.py": "from .a import f\n",
            "lib/a.py": ("def f():\n    return 1\n"),
        },
        *("lib/a.py", "return 1", "return 2"),
    ),
    Edit(
        "star in unloaded",
        {
            "p.py": FIT + ("    from lib import f\n    return f()\n"),
            "lib/__init__.py": "from .a import *\n",
            "lib/a.py": ("def f():\n    return 1\n"),
        },
        *("lib/a.py", "return 1", "return 2"),
    ),
    Edit(
        "module of the fit's loop act",
        {
            "p.py": ("T = {}\nfor i in range(3):\n    T[i] = i\n") + FIT + "    return T\n",
        },
        *("p.py", "= i\n", "= i + 1\n"),
    ),
    Edit(
        "namespace loaded elsewhere",
        {
            "p.py": FIT + ("    import lib.knobs\n    return lib.knobs.GAIN\n"),
            "q.py": ("import mainspring as ms\nimport lib.knobs\n"),
            "lib/knobs.py": "GAIN = 1\n",
        },
        *("lib/knobs.py", "1", "2"),
    ),
    Edit(
        "namespace loaded elsewhere from",
        {
            "p.py": FIT + ("    from lib.knobs import GAIN\n    return GAIN\n"),
            "q.py": ("import mainspring as ms\nimport lib.knobs\n"),
            "lib/knobs.py": "GAIN = 1\n",
        },
        *("lib/knobs.py", "1", "2"),
    ),
    Edit(
        "loaded elsewhere",
        {
            "p.py": FIT + ("    import lib.knobs\n    return lib.knobs.GAIN\n"),
            "q.py": ("import mainspring as ms\nimport lib.knobs\n"),
            "lib/__init__.py": "",
            "lib/knobs.py": "GAIN = 1\n",
        },
        *("lib/knobs.py", "1", "2"),
    ),
    Edit(
        "loaded elsewhere alias",
        {
            "p.py": FIT + ("    import lib.knobs as k\n    return k.GAIN\n"),
            "q.py": ("import mainspring as ms\nimport lib.knobs\n"),
            "lib/__init__.py": "",
            "lib/knobs.py": ("GAIN = 1\nB = 1\n"),
        },
        *("lib/knobs.py", "B = 1", "B = 2"),
        is_change=False,
    ),
    Edit(
        "two projects' files",
        {
            "p.py": "from lib import helper\n" + FIT + "    return helper(1)\n",
            "lib/__init__.py": "from .deep import helper as helper\n",
            "lib/deep.py": ("from lib.base import K\ndef helper(x):\n    return x + K\n"),
            "lib/base.py": "K = 1\n",
        },
        *("lib/base.py", "1", "2"),
    ),
    Edit(
        "try in function",
        {
            "p.py": FIT
            + (
                "    try:\n"
                "        import fastlib as f\n"
                "    except ImportError:\n"
                "        import slow as f\n"
                "    return f.x()\n"
            ),
            "slow.py": ("def x():\n    return 1\n"),
        },
        *("slow.py", "1", "2"),
    ),
    Edit(
        "method import",
        {
            "p.py": (
                "class A:\n    def go(self):\n        from slow import x\n        return x()\n"
            )
            + FIT
            + "    return A().go()\n",
            "slow.py": ("def x():\n    return 1\n"),
        },
        *("slow.py", "1", "2"),
    ),
    Edit(
        "nested function import",
        {
            "p.py": FIT
            + (
                "    def inner():\n"
                "        from slow import x\n"
                "        return x()\n"
                "    return inner()\n"
            ),
            "slow.py": ("def x():\n    return 1\n"),
        },
        *("slow.py", "1", "2"),
    ),
    Edit(
        "lambda import",
        {
            "p.py": "f = lambda: __import__('slow').x()\n" + FIT + "    return f()\n",
            "slow.py": ("def x():\n    return 1\n"),
        },
        *("slow.py", "1", "2"),
    ),
    Edit(
        "import of one's own module",
        {
            "p.py": ("def h():\n    return 1\n") + FIT + ("    import p\n    return p.h()\n"),
        },
        *("p.py", "return 1", "return 2"),
    ),
    Edit(
        "import in a decorator",
        {
            "p.py": (
                "def d(f):\n"
                "    from slow import x\n"
                "    def w(*a):\n"
                "        return f(*a) + x()\n"
                "    return w\n"
                "@d\n"
                "def h():\n"
                "    return 1\n"
            )
            + FIT
            + "    return h()\n",
            "slow.py": ("def x():\n    return 7\n"),
        },
        *("slow.py", "7", "8"),
    ),
]
