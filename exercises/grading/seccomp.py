"""The system calls that a notebook may make, as a seccomp filter for bubblewrap.

What is not named here does not exist for a notebook: it gets ENOSYS, for which libraries have
other ways where there are any. There is no new process, only threads, so that the memory limit of
one process bounds the whole; and no memory that belongs to no process.
"""

import errno
import tempfile
from contextlib import suppress
from functools import cache

ALLOWED = (
    # files and folders
    *("read", "readv", "pread64", "preadv", "write", "writev", "pwrite64", "pwritev", "lseek"),
    *("open", "openat", "close", "close_range", "dup", "dup2", "dup3", "pipe", "pipe2"),
    *("stat", "fstat", "lstat", "newfstatat", "statx", "statfs", "fstatfs", "ioctl", "flock"),
    *("access", "faccessat", "faccessat2", "readlink", "readlinkat", "getdents", "getdents64"),
    *("getcwd", "chdir", "fchdir", "mkdir", "mkdirat", "rmdir", "unlink", "unlinkat", "umask"),
    *("rename", "renameat", "renameat2", "truncate", "ftruncate", "fsync", "fdatasync"),
    *("sendfile", "fadvise64"),
    # memory
    *("mmap", "munmap", "mprotect", "mremap", "madvise", "brk", "membarrier"),
    # threads; `clone` has a rule of its own
    *("futex", "set_robust_list", "get_robust_list", "rseq", "set_tid_address", "gettid"),
    *("sched_yield", "sched_getaffinity", "getcpu", "exit", "exit_group"),
    # who, when and how much
    *("getpid", "getppid", "getpgrp", "getpgid", "getsid", "getuid", "geteuid", "getgid"),
    *("getegid", "getgroups", "getresuid", "getresgid", "uname", "sysinfo", "getrandom"),
    *("getrlimit", "setrlimit", "prlimit64", "getrusage", "times", "arch_prctl", "prctl"),
    *("time", "gettimeofday", "clock_gettime", "clock_getres", "nanosleep", "clock_nanosleep"),
    # signals and waiting
    *("rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigpending", "rt_sigsuspend"),
    *("rt_sigtimedwait", "sigaltstack", "kill", "tkill", "tgkill", "pause", "restart_syscall"),
    *("alarm", "getitimer", "setitimer", "wait4", "waitid"),
    *("poll", "ppoll", "select", "pselect6", "eventfd2"),
    *("epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait"),
    # a pair of sockets, which an event loop has; no other socket can be made
    *("socketpair", "sendto", "recvfrom", "shutdown"),
    # bubblewrap becomes Python after the filter is on; what is left to become is Python again
    "execve",
)

PRETENDED = ("chmod", "fchmod", "fchmodat", "utimensat")
"""What is said to be done and is not: root's notebook could change a file that it only sees."""

CLONE_THREAD = 0x10000
F_DUPFD_CLOEXEC = 1030
F_SETLEASE = 1024
"""The first of the commands of `fcntl` that are Linux's own: leases, sizes of pipes."""


@cache
def program() -> bytes:
    """The filter as bubblewrap reads it.

    Raises
    ------
    RuntimeError
        libseccomp, which writes it, is missing.
    """
    try:
        from pyseccomp import ALLOW, EQ, ERRNO, LT, MASKED_EQ, Arg, SyscallFilter
    except (ImportError, RuntimeError) as missing:
        raise RuntimeError(
            f"its filter of system calls needs libseccomp, which is missing ({missing}). "
            "Debian, Ubuntu: sudo apt install libseccomp2, and pip install 'optlib[grading]'"
        ) from None
    rules = SyscallFilter(ERRNO(errno.ENOSYS))
    for action, names in ((ALLOW, ALLOWED), (ERRNO(0), PRETENDED)):
        for name in names:
            with suppress(OSError, RuntimeError):  # not every kind of processor has all of them
                rules.add_rule(action, name)
    rules.add_rule(ALLOW, "fcntl", Arg(1, LT, F_SETLEASE))
    rules.add_rule(ALLOW, "fcntl", Arg(1, EQ, F_DUPFD_CLOEXEC))
    rules.add_rule(ALLOW, "clone", Arg(0, MASKED_EQ, CLONE_THREAD, CLONE_THREAD))
    with tempfile.TemporaryFile() as file:
        rules.export_bpf(file)
        file.seek(0)
        return file.read()
