"""What hostile snippets try, and how far they get: with bubblewrap, and with the fences inside the process alone.

Code that begins with `ctypes` walks past Python's hooks, as an author with bad intentions would. Snippets of one way share a
prepared process, so that what one of them left behind would show in the next.
"""

from __future__ import annotations

import os
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from inference.sandbox.nest import Nest
from inference.sandbox.run import Limits
from inference.sandbox.snippets import Snippet, SnippetResult, Stopped, installed_versions
from tests.inference.sandbox.conftest import Run

pytestmark = pytest.mark.sandbox

LIBC = "import ctypes, errno, os\nlibc = ctypes.CDLL(None, use_errno=True)\n"


def said(result: SnippetResult) -> str:
    """Everything a run told, for what must not be in it."""
    return f"{result.output}{result.error}"


# --- the network


@pytest.fixture
def heard() -> Iterator[tuple[dict[str, int | str], list[str]]]:
    """Where somebody listens on this machine (TCP, UDP, a Unix socket), and who was heard."""
    heard: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        tcp = socket.create_server(("127.0.0.1", 0))
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind(("127.0.0.1", 0))
        unix = socket.socket(socket.AF_UNIX)
        unix.bind(f"{folder}/unix.sock")
        unix.listen()
        for name, listener in (("tcp", tcp), ("udp", udp), ("unix", unix)):
            threading.Thread(target=_listen, args=(name, listener, heard), daemon=True).start()
        yield {"tcp": tcp.getsockname()[1], "udp": udp.getsockname()[1], "unix": f"{folder}/unix.sock"}, heard
        for listener in (tcp, udp, unix):
            listener.close()


def _listen(name: str, listener: socket.socket, heard: list[str]) -> None:
    try:
        if name == "udp":
            listener.recv(1)
        else:
            listener.accept()
    except OSError:
        return  # closed at the end, as it should be
    heard.append(name)


NETWORK = {
    "tcp": "import socket\nsocket.create_connection(('127.0.0.1', {tcp}), timeout=2).send(b'x')",
    "udp": "import socket\nsocket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', {udp}))",
    "dns": "import socket\nsocket.getaddrinfo('localhost.example', 80)",
    "unix": "import socket\nsocket.socket(socket.AF_UNIX).connect('{unix}')",
    "netlink": "import socket\nsocket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0).bind((0, 0))",
    "raw": "import socket\nsocket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)",
    "http": "import urllib.request\nurllib.request.urlopen('http://127.0.0.1:{tcp}/', timeout=2)",
    "libc": LIBC
    + """
if libc.socket(2, 1, 0) >= 0 or libc.socket(1, 1, 0) >= 0 or libc.socket(16, 3, 0) >= 0:
    print('a socket was made')
raise OSError(ctypes.get_errno(), 'refused')
""",
    "io_uring": LIBC
    + """
if libc.syscall(425, 8, ctypes.create_string_buffer(120)) >= 0:
    print('a ring was made')
raise OSError(ctypes.get_errno(), 'refused')
""",
}


@pytest.mark.parametrize("code", NETWORK.values(), ids=NETWORK.keys())
def test_nobody_is_reached(anyhow: Run, heard: tuple[dict[str, int | str], list[str]], code: str) -> None:
    places, reached = heard
    for place, value in places.items():
        code = code.replace(f"{{{place}}}", str(value))
    result = anyhow(code)
    assert result.raised in ("PermissionError", "URLError", "OSError"), said(result)
    assert "made" not in result.output
    assert reached == []


# --- files


def test_none_of_the_machines_files_is_there_to_read(walled: Run, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("hunter2")
    paths = [
        *("/etc/passwd", "/etc/shadow", "/etc/hostname", "/root/.bashrc", str(secret)),
        *(str(settings.ROOT / name) for name in ("manage.py", ".env", "platform/config/settings.py", "pyproject.toml")),
        str(settings.DATA_DIR / "db.sqlite3"),
        str(settings.DATABASES["default"]["NAME"]),
    ]
    code = f"""
for path in {paths!r}:
    try:
        open(path, 'rb').read()
        print(path)
    except OSError:
        pass
"""
    assert said(walled(code)) == ""


def test_what_is_below_the_site_and_its_data_is_hidden_even_where_the_system_is_shown(
    walled: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A site installed below /usr: the system's folder is bound, and the site's must not come with it."""
    hidden = Path("/usr/share/doc")
    monkeypatch.setattr(settings, "DATA_DIR", hidden)
    with Nest() as prepared:
        assert (
            prepared.run(Snippet(f"import os\nprint(os.listdir({str(hidden)!r}))"), timeout=20, limits=Limits()).output
            == "[]\n"
        )
    assert any(hidden.iterdir())


def test_a_link_leads_nowhere_outside(walled: Run, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("hunter2")
    for target in (str(secret), "/etc/passwd", f"../../../../..{secret}", f"/proc/1/root{secret}", f"/proc/self/root{secret}"):
        assert walled(f"import os\nos.symlink({target!r}, 'link')\nprint(open('link').read())").raised in (
            "FileNotFoundError",
            "PermissionError",
        ), target


def test_nothing_outside_is_written_past_the_hook(walled: Run, tmp_path: Path) -> None:
    outside = tmp_path / "outside.txt"
    code = (
        LIBC
        + f"""
for path in ({str(outside)!r}, '/etc/motd', '/usr/bin/python3', '/dev/shm/left', '/left', {str(settings.DATA_DIR / "left")!r},
             {sys.executable!r}):
    if libc.open(path.encode(), os.O_WRONLY | os.O_CREAT, 0o600) >= 0:
        print(path)
"""
    )
    assert said(walled(code)) == ""
    assert not outside.exists()


def test_many_files_fill_no_disk(walled: Run) -> None:
    code = """
written = 0
try:
    for number in range(600):
        with open(str(number), 'wb') as file:
            written += file.write(bytes(8_000_000))
except OSError as error:
    print(error.strerror)
print(written < 300_000_000)
"""
    assert walled(code, memory_bytes=2 * 1024**3).output == "No space left on device\nTrue\n"


def test_a_file_beyond_the_limit_is_not_written_to_its_end(anyhow: Run) -> None:
    result = anyhow("print(open('large', 'wb').write(bytes(3_000_000)))", file_bytes=1_000_000)
    assert result.raised == "OSError" or result.stopped is Stopped.DIED


def test_a_folder_as_deep_as_can_be_is_taken_away_and_the_next_snippet_runs(anyhow: Run) -> None:
    anyhow(LIBC + "for _ in range(1500):\n    libc.mkdir(b'd', 0o700)\n    libc.chdir(b'd')")
    assert anyhow("import os\nprint(os.listdir(), os.listdir('..') == [os.path.basename(os.getcwd())])").output == "[] True\n"


def test_a_pickle_cannot_do_more_than_the_snippet(anyhow: Run) -> None:
    code = """
import os, pickle

class Hostile:
    def __reduce__(self):
        return os.system, ('echo reached',)

pickle.loads(pickle.dumps(Hostile()))
"""
    assert anyhow(code).raised == "PermissionError"


@pytest.mark.torch
def test_a_hostile_checkpoint_cannot_either(anyhow: Run) -> None:
    code = """
import os, torch

class Hostile:
    def __reduce__(self):
        return os.system, ('echo reached',)

torch.save({'weights': Hostile()}, 'weights.pth')
try:
    torch.load('weights.pth')
except Exception as error:
    print(type(error).__name__)
torch.load('weights.pth', weights_only=False)
"""
    result = anyhow(code, timeout=60)
    assert (result.output, result.raised) == ("UnpicklingError\n", "PermissionError")


# --- secrets and neighbours


def test_the_environment_and_the_command_lines_tell_nothing_of_the_site(walled: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "hunter2")
    code = """
import os
numbers = [name for name in os.listdir('/proc') if name.isdigit()]
for number in numbers:
    for name in ('environ', 'cmdline'):
        try:
            print(open(f'/proc/{number}/{name}').read())
        except OSError:
            pass
print(len(numbers), dict(os.environ))
"""
    with Nest() as prepared:
        result = prepared.run(Snippet(code), timeout=20, limits=Limits())
    assert "hunter2" not in result.output
    assert settings.SECRET_KEY not in result.output
    assert result.output.rpartition("\n2 {")[1], "the runner and the snippet, and nobody else"


def test_other_processes_memory_is_closed_and_they_cannot_be_traced(walled: Run) -> None:
    code = (
        LIBC
        + """
for number in (1, os.getppid()):
    for mode in (os.O_RDONLY, os.O_RDWR):
        if libc.open(f'/proc/{number}/mem'.encode(), mode) >= 0:
            print('its memory is open')
    if libc.ptrace(16, number, None, None) == 0:
        print('it is traced')
"""
    )
    assert said(walled(code)) == ""


def test_nobody_is_traced_signalled_or_read_from_past_the_hook(anyhow: Run) -> None:
    code = (
        LIBC
        + f"""
buffer = ctypes.create_string_buffer(64)
for number in (1, os.getppid(), {os.getpid()}):
    for name, call in (
        ('kill', lambda: libc.kill(number, 0)),
        ('killpg', lambda: libc.kill(-number, 0)),
        ('ptrace', lambda: libc.ptrace(16, number, None, None)),
        ('read', lambda: libc.process_vm_readv(number, buffer, 0, buffer, 0, 0)),
        ('pidfd', lambda: libc.syscall(434, number, 0)),
    ):
        if call() >= 0 or ctypes.get_errno() not in (errno.EPERM, errno.ESRCH):
            print(name, number, ctypes.get_errno())
"""
    )
    assert said(anyhow(code)) == ""


def test_the_snippet_holds_no_descriptor_but_its_own(anyhow: Run) -> None:
    code = """
import os
for number in range(64):
    try:
        print(number, os.readlink(f'/proc/self/fd/{number}').partition(':')[0])
    except OSError:
        pass
"""
    lines = anyhow(code).output.splitlines()
    assert lines[:3] == ["0 /dev/null", "1 pipe", "2 /dev/null"]
    assert [line.split()[1] for line in lines[3:]] == ["pipe"]  # where its end is reported


def test_it_has_no_rights_and_gets_none(walled: Run) -> None:
    code = (
        LIBC
        + """
status = dict(line.split(':', 1) for line in open('/proc/self/status'))
print(os.getuid(), status['CapEff'].strip(), status['CapBnd'].strip(), status['NoNewPrivs'].strip())
for call in ((0x10000000,), (0x00020000,)):  # a user namespace, a mount namespace
    print(libc.unshare(*call))
print(libc.setuid(0), libc.mount(b'none', b'/', b'tmpfs', 0, None))
"""
    )
    assert walled(code).output.splitlines() == ["65534 0000000000000000 0000000000000000 1", "-1", "-1", "-1 -1"]


# --- processes


def test_no_process_is_started_past_the_hook(anyhow: Run) -> None:
    code = (
        LIBC
        + """
for name, call in (
    ('fork', lambda: libc.fork()),
    ('vfork', lambda: libc.syscall(58)),
    ('clone', lambda: libc.syscall(56, 17, 0, 0, 0, 0)),
    ('clone3', lambda: libc.syscall(435, ctypes.create_string_buffer(88), 88)),
    ('execve', lambda: libc.execve(b'/bin/true', None, None)),
    ('system', lambda: libc.system(b'true')),
):
    if call() == 0:
        os._exit(3)
print(libc.setsid())
"""
    )
    result = anyhow(code)
    assert (result.output, result.error, result.stopped) == ("-1\n", "", Stopped.NO)


def test_a_fork_bomb_never_goes_off(anyhow: Run) -> None:
    code = LIBC + "print(sum(libc.fork() > 0 for _ in range(10_000)))"
    assert anyhow(code).output == "0\n"


def test_a_daemon_does_not_outlive_the_run(anyhow: Run, tmp_path: Path) -> None:
    """A double fork, each with a session of its own, that would write where the test looks."""
    left = tmp_path / "left"
    code = (
        LIBC
        + f"""
if libc.fork() == 0:
    libc.setsid()
    if libc.fork() == 0:
        libc.sleep(1)
        libc.open({str(left)!r}.encode(), os.O_WRONLY | os.O_CREAT, 0o600)
        libc._exit(0)
    libc._exit(0)
print('ended')
"""
    )
    assert anyhow(code).output == "ended\n"
    time.sleep(1.3)
    assert not left.exists()


def test_threads_are_allowed_and_end_with_the_run(anyhow: Run) -> None:
    code = """
import threading, time
def forever():
    while True:
        time.sleep(0.01)
threading.Thread(target=forever).start()
done = threading.Thread(target=print, args=('from a thread',))
done.start(); done.join()
"""
    began = time.monotonic()
    assert anyhow(code).output == "from a thread\n"
    assert time.monotonic() - began < 10


# --- memory and time


MEMORY = {
    "one piece": "bytearray(1024**3 * 3 // 2)",
    "many pieces": "[bytearray(16 * 1024**2) for _ in range(200)]",
    "shared": "import mmap\nmmap.mmap(-1, 4 * 1024**3)",
    "a file of zeros": "import mmap, os\nzeros = os.open('/dev/zero', os.O_RDONLY)\n"
    "mmap.mmap(zeros, 4 * 1024**3, mmap.MAP_SHARED, mmap.PROT_READ)",
    "without a name": LIBC + "raise MemoryError if libc.syscall(319, b'x', 0) < 0 else SystemExit(3)",
    "System V": LIBC + "raise MemoryError if libc.shmget(0, 4 * 1024**3, 0o1600) < 0 else SystemExit(3)",
}


@pytest.mark.parametrize("code", MEMORY.values(), ids=MEMORY.keys())
def test_memory_beyond_the_limit_is_refused_however_it_is_asked_for(anyhow: Run, code: str) -> None:
    result = anyhow(code, memory_bytes=1024**3)
    assert result.raised in ("MemoryError", "OSError") or result.stopped is Stopped.DIED, said(result)


@pytest.mark.parametrize(
    "code",
    [
        "import signal, time\nfor number in (15, 2, 1, 14, 24):\n    signal.signal(number, signal.SIG_IGN)\ntime.sleep(600)",
        "import signal\nsignal.alarm(0)\nwhile True: pass",
        "import time\nwhile True:\n    try:\n        time.sleep(600)\n    except BaseException:\n        pass",
    ],
    ids=["deaf", "busy", "catches everything"],
)
def test_time_ends_for_every_snippet(anyhow: Run, code: str) -> None:
    began = time.monotonic()
    assert anyhow(code, timeout=1).stopped is Stopped.TIME
    assert time.monotonic() - began < 10


def test_processor_time_ends_even_for_one_that_is_deaf_to_it(anyhow: Run) -> None:
    code = "import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass"
    assert anyhow(code, cpu_seconds=1, timeout=20).stopped is Stopped.DIED


# --- what it says


@pytest.mark.parametrize(
    "code",
    [
        "import sys\nwhile True: sys.stdout.write('x' * 65536)",
        "import os\nwhile True: os.write(1, bytes(65536))",
        "while True: print()",
    ],
    ids=["a line that never ends", "binary", "empty lines"],
)
def test_a_flood_is_stopped_and_cut(anyhow: Run, code: str) -> None:
    result = anyhow(code, output_bytes=20_000)
    assert result.stopped is Stopped.OUTPUT
    assert len(result.output) <= 20_000


def test_standard_error_is_not_kept_and_fills_nothing(anyhow: Run) -> None:
    result = anyhow("import sys\nfor _ in range(200):\n    sys.stderr.write('x' * 65536)\nprint('printed')")
    assert (result.output, result.stopped) == ("printed\n", Stopped.NO)


def test_what_no_database_can_keep_is_replaced(anyhow: Run) -> None:
    result = anyhow(r"import os" "\n" r"os.write(1, b'a\0b\xff\n')" "\n" r"raise ValueError('\0\udc80')")
    assert result.output == "a\ufffdb\ufffd\n"
    assert result.message == "\ufffd?"


def test_an_exception_with_endless_words_is_cut(anyhow: Run) -> None:
    result = anyhow("import warnings\nwarnings.warn('w' * 10**6)\nraise type('E' * 5000, (Exception,), {})('x' * 10**6)")
    assert (len(result.raised), len(result.message)) == (120, 4000)
    assert len(result.warnings) == 1
    assert len(result.warnings[0]) <= 600


FORGED = """
import json, os
report = {report}
for number in range(3, 64):
    try:
        os.write(number, report)
    except OSError:
        pass
os._exit(0)
"""


def test_a_forged_report_claims_no_other_versions(anyhow: Run) -> None:
    report = {"raised": "", "message": "", "warnings": [], "torch": "9.9", "torchvision": "9.9", "python": "9.9"}
    result = anyhow("print('honest', flush=True)\n" + FORGED.format(report=f"(json.dumps({report!r}) + chr(10)).encode()"))
    versions = installed_versions()
    assert (result.torch, result.torchvision) == (versions.torch, versions.torchvision)
    assert result.python == ".".join(map(str, sys.version_info[:3]))


@pytest.mark.parametrize(
    "report",
    [
        r"b'\n'",
        r"b'[]\n'",
        r"b'{}\n'",
        r"b'null\n'",
        r"b'\xff\xfe\n'",
        r"b'[' * 100_000 + b'\n'",
        r"b'{\"raised\": 1, \"message\": \"\", \"warnings\": []}\n'",
        r"b'{\"raised\": \"\", \"message\": \"\", \"warnings\": 7}\n'",
        r"b'x' * 5_000_000",
    ],
)
def test_a_report_that_is_none_is_no_proof(anyhow: Run, report: str) -> None:
    assert anyhow(FORGED.format(report=report)).stopped is Stopped.DIED


def test_a_process_that_ends_before_its_report_is_no_proof(anyhow: Run) -> None:
    for code in (
        "import os\nprint('4', flush=True)\nos._exit(0)",
        "import os\nos.abort()",
        "import ctypes\nctypes.string_at(0)",
    ):
        assert anyhow(code).stopped is Stopped.DIED


def test_what_one_snippet_breaks_the_next_one_does_not_meet(anyhow: Run) -> None:
    anyhow(
        """
import builtins, json, os, sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        raise SystemExit('mine')
sys.meta_path.insert(0, Finder())
json.dumps = builtins.print = os.chdir = sys.exit = lambda *given, **named: None
sys.modules.clear()
"""
    )
    assert anyhow("import json, string\nprint(json.dumps(string.digits))").output == '"0123456789"\n'
