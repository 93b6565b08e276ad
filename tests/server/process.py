"""Child processes, free ports and waiting: what every test against real programs needs."""

import ctypes
import errno
import fcntl
import os
import pathlib
import random
import signal
import socket
import subprocess
import time

LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1
PORT_LOCKS = []  # open descriptors, each of the file of a port that is ours


def wait_until(condition, what, seconds=180, why=lambda: ""):
    """Returns the first true value of condition(). After the deadline it fails with `what` and with why()."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}\n{why()}")
        time.sleep(0.02)
    return value


def whole_lines(path):
    """The lines of a file that somebody may be writing to; none while it is not there."""
    text = path.read_bytes() if path.exists() else b""
    return text[:text.rfind(b"\n") + 1].decode().split("\n")[:-1]


def free_port(in_a_row=1):
    """A port that is free and stays ours until release_ports() or our end, whatever other test processes do.

    in_a_row: that many from it on.
    """
    while True:
        # Below the range from which the kernel takes ports for outgoing connections.
        first = random.SystemRandom().randrange(11000, 32000)
        if all(take_port(port) for port in range(first, first + in_a_row)):
            return first


def take_port(port):
    """Makes the port ours if it is free."""
    locks = pathlib.Path("/tmp/binbus-ports")
    locks.mkdir(exist_ok=True)
    lock = os.open(locks / str(port), os.O_CREAT | os.O_RDWR)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # held by the open descriptor
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
        PORT_LOCKS.append(lock)
        return True
    except OSError as error:
        os.close(lock)
        if error.errno not in (errno.EWOULDBLOCK, errno.EADDRINUSE):
            raise
        return False


def release_ports():
    while PORT_LOCKS:
        os.close(PORT_LOCKS.pop())


class Process:
    """A program in a folder of its own, with its output in log.txt there. It never outlives the test's process."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log_file = self.folder / "log.txt"
        self.child = None

    def command(self):
        raise NotImplementedError

    def start(self):
        """Starts the program; does not wait until it answers."""
        assert not self.running(), f"{self} runs already"
        with open(self.log_file, "ab") as log:
            self.child = subprocess.Popen(
                [str(word) for word in self.command()], cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                preexec_fn=lambda: LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL))
        return self

    def running(self):
        return self.child is not None and self.child.poll() is None

    def kill9(self):
        if self.running():
            self.child.kill()
            self.child.wait()

    def stop(self, seconds=60):
        """Stops the program by TERM and returns its exit status."""
        self.child.terminate()
        return self.child.wait(seconds)

    def restart(self):
        self.stop()
        return self.start()

    def freeze(self):
        self.child.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.child.send_signal(signal.SIGCONT)

    def log(self):
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def wait_listening(self, port, seconds=60):
        def listening():
            assert self.running(), f"{self} ended with {self.child.returncode}:\n{self.log()[-4000:]}"
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        wait_until(listening, f"{self} listens on {port}", seconds, lambda: self.log()[-4000:])
