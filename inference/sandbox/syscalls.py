"""A filter of system calls for one process: no further process, no socket, no signal to others, no look into them.

Loaded by `runner.py` by its path, so it imports the standard library alone. The kernel keeps the filter until the process
ends, and code that reaches for ctypes meets it as all other code does. What is refused gives EPERM, in Python PermissionError.
Format and numbers: seccomp(2), <linux/seccomp.h>, <linux/filter.h>, and the kernel's tables of system calls.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct
from dataclasses import dataclass

_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 38, 22, 2
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_LOAD, _EQUALS, _AT_LEAST, _HAS_BITS, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_AT_NUMBER, _AT_ARCHITECTURE, _AT_FIRST_ARGUMENT = 0, 4, 16  # in struct seccomp_data, little-endian
_CLONE_THREAD = 0x00010000
_X32 = 0x40000000  # another numbering of the same calls on x86-64


@dataclass(frozen=True, slots=True)
class _Table:
    """One architecture's numbers."""

    audit_name: int
    clone: int
    signals: tuple[int, ...]  # kill, tgkill: allowed to oneself
    refused: tuple[int, ...]


# Of both: pidfd_send_signal, io_uring_setup … register, open_tree … fspick, pidfd_open, clone3 (apart), pidfd_getfd,
# mount_setattr, memfd_secret.
_NEWER = (424, 425, 426, 427, 428, 429, 430, 431, 432, 433, 434, 438, 442, 447)
_CLONE3 = 435

_TABLES = {
    "x86_64": _Table(
        audit_name=0xC000003E,
        clone=56,
        signals=(62, 234),
        refused=(
            *(29, 30),  # shmget, shmat: memory that no limit counts
            41,  # socket
            *(57, 58, 59, 322),  # fork, vfork, execve, execveat
            *(101, 310, 311),  # ptrace, process_vm_readv, process_vm_writev
            *(129, 200, 297),  # rt_sigqueueinfo, tkill, rt_tgsigqueueinfo
            *(155, 161, 165, 166, 272, 308),  # pivot_root, chroot, mount, umount2, unshare, setns
            *(167, 168, 169, 170, 171, 175, 176, 246, 313, 320),  # swap, reboot, host names, modules, kexec
            *(248, 249, 250),  # add_key, request_key, keyctl
            *(298, 303, 304, 319, 321, 323),  # perf_event_open, file handles, memfd_create, bpf, userfaultfd
            *_NEWER,
        ),
    ),
    "aarch64": _Table(
        audit_name=0xC00000B7,
        clone=220,
        signals=(129, 131),
        refused=(
            *(194, 196),
            198,
            *(221, 281),
            *(117, 270, 271),
            *(138, 130, 240),
            *(41, 51, 40, 39, 97, 268),
            *(224, 225, 142, 161, 162, 105, 106, 104, 273, 294),
            *(217, 218, 219),
            *(241, 264, 265, 279, 280, 282),
            *_NEWER,
        ),
    ),
}


def is_known_here() -> bool:
    """Whether there is a filter for this system and processor."""
    return platform.system() == "Linux" and platform.machine() in _TABLES


def forbid(pid: int) -> bool:
    """Puts the filter over the calling process, whose id is `pid`, for good; False where the system has none."""
    if not is_known_here():
        return False
    program = _program(_TABLES[platform.machine()], pid)
    libc = ctypes.CDLL(None, use_errno=True)
    kept = ctypes.create_string_buffer(program, len(program))
    described = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(kept))  # struct sock_fprog
    nothing = ctypes.c_ulong(0)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, ctypes.c_ulong(1), nothing, nothing, nothing):
        return False
    return bool(libc.prctl(_PR_SET_SECCOMP, ctypes.c_ulong(_SECCOMP_MODE_FILTER), described) == 0)


def _program(table: _Table, pid: int) -> bytes:
    """The filter as the kernel reads it: instructions of 8 bytes."""
    refuse = [_instruction(_RETURN, _ERRNO | errno.EPERM)]
    allow = [_instruction(_RETURN, _ALLOW)]
    lines = [
        _instruction(_LOAD, _AT_ARCHITECTURE),
        _instruction(_EQUALS, table.audit_name, otherwise=0, then=1),
        _instruction(_RETURN, _KILL),
        _instruction(_LOAD, _AT_NUMBER),
    ]
    if table.audit_name == _TABLES["x86_64"].audit_name:
        lines += [_instruction(_AT_LEAST, _X32, otherwise=1), *refuse]
    for number in table.refused:
        lines += [_instruction(_EQUALS, number, otherwise=1), *refuse]
    # The C library falls back to clone, whose flags can be read here, when there is no clone3.
    lines += [_instruction(_EQUALS, _CLONE3, otherwise=1), _instruction(_RETURN, _ERRNO | errno.ENOSYS)]
    argument = _instruction(_LOAD, _AT_FIRST_ARGUMENT)
    lines += [_instruction(_EQUALS, table.clone, otherwise=4), argument]
    lines += [_instruction(_HAS_BITS, _CLONE_THREAD, otherwise=1), *allow, *refuse]
    for number in table.signals:
        lines += [_instruction(_EQUALS, number, otherwise=4), argument]
        lines += [_instruction(_EQUALS, pid, otherwise=1), *allow, *refuse]
    return b"".join([*lines, *allow])


def _instruction(code: int, value: int, *, then: int = 0, otherwise: int = 0) -> bytes:
    """One instruction; `then` and `otherwise` are how many of the next ones a comparison leaves out."""
    return struct.pack("HBBI", code, then, otherwise, value)
