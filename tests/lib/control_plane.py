"""A control plane under test: its own home and port, started, killed and stopped by hand.

Used by the end-to-end tests, the chaos run and the documentation's tests. Nothing survives close():
every process that carries this home in its environment or was started for it is gone, or the test
fails saying which.
"""

import contextlib
import json
import os
import pathlib
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]


def binary():
    """The mw to test: $MW_BINARY, or the release build."""
    path = pathlib.Path(os.environ.get("MW_BINARY", ROOT / "build/release/mw"))
    if not path.exists():
        raise SystemExit(f"{path} is not there; run ./dev build first")
    return str(path)


def wait_for(what, condition, seconds=60.0, every=0.02):
    """Polls until condition() is true and returns its value; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"gave up after {seconds:g} s waiting for {what}")
        time.sleep(every)


class Refused(Exception):
    """The control plane answered with an error."""

    def __init__(self, status, body):
        super().__init__(f"HTTP {status}: {body}")
        self.status = status
        self.body = body


def processes_with(mark):
    """Ids of living processes, this one not among them, with this path in their environment or their arguments."""
    mark = str(mark).encode()
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            words = (entry / "environ").read_bytes() + (entry / "cmdline").read_bytes()
            alive = b"State:\tZ" not in (entry / "status").read_bytes()
            if mark in words and alive:
                found.append(int(entry.name))
    return found


class ControlPlane:
    def __init__(self, nodes=(), home=None, user=None):
        """`user`: who serves, a name; by default whoever runs the test."""
        self.home = pathlib.Path(home or tempfile.mkdtemp(prefix="mw-test-"))
        self.user = pwd.getpwnam(user) if user else None
        if self.user:
            os.chown(self.home, self.user.pw_uid, self.user.pw_gid)
        self.nodes = list(nodes)
        self.engine = []  # further arguments of mw serve
        self.process = None
        self.environment = dict(os.environ, MILLWRIGHT_HOME=str(self.home), NO_COLOR="1")

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.close()

    # --- the process ------------------------------------------------------------------------

    def start(self, wait=True):
        command = [binary(), "serve", "--home", str(self.home), *self.engine]
        for node in self.nodes:
            command += ["--node", node]
        with open(self.home / "serve.out", "ab") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment,
                **self._as_user()
            )
        if wait:
            wait_for("the control plane to answer", self._answers, 30)

    def _as_user(self):
        if not self.user:
            return {}
        return {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []}

    def _answers(self):
        if self.process.poll() is not None:
            raise AssertionError(f"mw serve ended by itself ({self.process.returncode}):\n{(self.home / 'serve.out').read_text()}")
        try:
            return self.get("/healthz")
        except (OSError, Refused):
            return None

    def kill(self):
        """As a crash would: no warning, nothing said."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)

    def close(self):
        """Ends the control plane and whatever ran under it, and removes the home."""
        left = []
        if self.process is not None:
            if self.process.poll() is not None:
                with contextlib.suppress(AssertionError):
                    self.start()
            with contextlib.suppress(OSError, Refused, AssertionError):
                self.cancel_all()
            self.stop()
        with contextlib.suppress(AssertionError):
            wait_for("tasks to end", lambda: not self.processes(), 20)
        left = self.processes()
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.home, ignore_errors=True)
        assert not left, f"processes of {self.home} outlived their control plane: {left}"

    def cancel_all(self):
        active = "pending,starting,running,stopping"
        jobs = self.get(f"/v1/jobs?state={active}&limit=1000")["jobs"]
        for job in jobs:
            with contextlib.suppress(Refused):
                self.post(f"/v1/jobs/{job['id']}/cancel")
        wait_for("jobs to end", lambda: not self.get(f"/v1/jobs?state={active}")["jobs"], 30)

    def processes(self):
        """Processes that belong to this home: by their environment or their arguments."""
        return processes_with(self.home)

    # --- its faces --------------------------------------------------------------------------

    @property
    def url(self):
        return (self.home / "endpoint").read_text().strip()

    def request(self, method, path, body=None, headers=None, timeout=20):
        request = urllib.request.Request(self.url + path, data=body, method=method)
        request.add_header("Authorization", "Bearer " + (self.home / "token").read_text().strip())
        for name, value in (headers or {}).items():
            request.add_header(name, value)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as response:
                return response.status, response.read()
        except urllib.error.HTTPError as error:
            raise Refused(error.code, error.read().decode()) from None

    def get(self, path):
        return json.loads(self.request("GET", path)[1])

    def get_history(self, path):
        """Of what a control plane answers once it has read its history."""
        def answer():
            try:
                return self.get(path)
            except Refused as refused:
                if refused.status != 503:
                    raise
                return None
        return wait_for(path, answer)

    def post(self, path, body="", headers=None):
        data = body if isinstance(body, bytes) else body.encode()
        return json.loads(self.request("POST", path, data, headers)[1])

    def submit(self, spec, key=None):
        """Submits a job file given as a dict; returns its id."""
        headers = {"Idempotency-Key": key} if key else {}
        return self.post(f"/v1/jobs?workdir={self.home}", json.dumps(spec), headers)["job"]

    def job(self, job):
        return self.get(f"/v1/jobs/{job}")

    def wait_job(self, job, states=("succeeded", "failed", "cancelled", "timed_out"), seconds=60):
        def reached():
            view = self.job(job)
            return view if view["state"] in states else None

        return wait_for(f"job {job} to be {' or '.join(states)}", reached, seconds)

    def mw(self, *arguments, check=True, timeout=60, **options):
        """Runs the CLI against this home; returns the finished process with text output."""
        process = subprocess.run(
            [binary(), *arguments],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            **options,
        )
        if check and process.returncode != 0:
            raise AssertionError(
                f"mw {' '.join(arguments)} exited with {process.returncode}\n"
                f"{process.stdout}{process.stderr}"
            )
        return process

    def task_processes(self, job):
        """Pids of the job's tasks, by rank, from what the tasks' environments say."""
        found = {}
        for pid in self.processes():
            with contextlib.suppress(OSError):
                words = pathlib.Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
                env = dict(word.split(b"=", 1) for word in words if b"=" in word)
                if env.get(b"MILLWRIGHT_JOB_ID") == str(job).encode():
                    found.setdefault(int(env[b"MILLWRIGHT_RANK"]), []).append(pid)
        return found

    def supervisors(self, job):
        """Pids of the supervisors of the job's tasks."""
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            with contextlib.suppress(OSError):
                arguments = (entry / "cmdline").read_bytes().split(b"\0")
                directory = f"{self.home}/run/{job}/".encode()
                if re.search(rb"mw-supervisor$", arguments[0]) and any(
                    directory in argument for argument in arguments[1:]
                ):
                    found.append(int(entry.name))
        return found
