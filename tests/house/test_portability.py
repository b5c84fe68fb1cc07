"""Every module imports where what only POSIX has is missing, as on Windows."""

import subprocess
import sys

CODE = """
import importlib, os, pkgutil, signal, subprocess, sys, types
import llamawatt
names = [m.name for m in pkgutil.walk_packages(llamawatt.__path__, "llamawatt.")
         if not m.name.endswith("__main__")]
for name in names:
    importlib.import_module(name)          # the libraries, as this system has them
for name in [name for name in sys.modules if name.split(".")[0] == "llamawatt"]:
    del sys.modules[name]
for name in ("fcntl", "pwd", "grp", "resource", "termios", "tty", "syslog"):
    sys.modules[name] = None
sys.modules["msvcrt"] = types.SimpleNamespace(LK_NBLCK=2, locking=lambda *_: None)
for module, gone in (
    (os, "pread killpg getpgid wait4 fork getuid geteuid sched_getaffinity sysconf"),
    (signal, "SIGKILL SIGHUP SIGPIPE SIGXFSZ SIGALRM"),
):
    for name in gone.split():
        if hasattr(module, name):
            delattr(module, name)
sys.platform = "win32"
for name in names:
    importlib.import_module(name)
print(len(names))
"""


def test_every_module_imports_on_windows():
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CODE],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-1500:]
    assert int(done.stdout) > 200
