#!/usr/bin/env python3
"""The Slurm engine at the size of a whole fleet: how long until a control plane knows all nodes of a real
slurmctld, and how many jobs a second it has Slurm start without falling behind; beside it, in the same
run, how many the same slurmctld takes and starts without us.

    ./dev bench slurm_engine [--nodes N] [--jobs N] [--rate N] [--floor N] [--json] [--install]

The nodes are cloud nodes: Slurm allocates them and nothing is launched (cluster.py), so a job counts as
started when slurmctld has given it its node. The cluster is made for this: whole nodes
(select/linear) and no topology, for what is measured is the engine and not Slurm's own search,
which takes 100 ms a start when it has to look at 31,250 nodes by GPU (./dev bench peer_slurm).
"""

import argparse
import concurrent.futures
import http.client
import json
import os
import pathlib
import pwd
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time

import cluster
import scenario
from cluster import Trouble

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests/lib"))
from control_plane import ControlPlane  # noqa: E402

REST_USER = "www-data"
CONNECTIONS = 8  # as many as the engine has


class FastCluster(cluster.Cluster):
    """The same nodes, as somebody would set Slurm up for many small starts, and slurmrestd beside it."""

    def write_configuration(self):
        super().write_configuration()
        path = self.folder / "slurm.conf"
        lines = [line for line in path.read_text().splitlines()
                 if not line.startswith(("SelectTypeParameters=", "TopologyPlugin=", "SelectType=",
                                         "SchedulerParameters="))]
        lines += ["SelectType=select/linear", "TopologyPlugin=topology/none",
                  "SchedulerParameters=defer,sched_min_interval=100000,sched_interval=1,"
                  "batch_sched_delay=0,default_queue_depth=2000,max_rpc_cnt=0"]
        path.write_text("\n".join(lines) + "\n")
        self.folder.chmod(0o755)

    def start(self):
        self.environment = self.start_daemons()
        user = pwd.getpwnam(REST_USER)
        rest = self.folder / "rest"
        rest.mkdir()
        os.chown(rest, user.pw_uid, user.pw_gid)
        self.socket = rest / "slurmrestd.sock"
        log = open(self.folder / "slurmrestd.out", "wb")

        def begin():
            os.setgroups([])
            os.setgid(user.pw_gid)
            os.setuid(user.pw_uid)
            cluster.die_with_parent()

        self.processes.append(subprocess.Popen(  # pylint: disable=consider-using-with
            ["slurmrestd", "-s", "openapi/v0.0.38", "-a", "rest_auth/local", f"unix:{self.socket}"],
            env=self.environment,
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=begin))
        log.close()
        self.wait_for("slurmrestd", self.socket.exists)
        self.client = cluster.Client(self.folder, self.environment)


def tell(options, metric, value, unit, note=""):
    if options.json:
        print(json.dumps({"metric": metric, "value": float(f"{value:.6g}"), "unit": unit, "note": note}), flush=True)
    else:
        print(f"{metric:44} {value:12.6g} {unit:8} {note}", flush=True)


def wait(what, condition, seconds):
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise Trouble(f"gave up after {seconds} s waiting for {what}")
        time.sleep(0.2)
    return value


class SocketConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost")
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


def submit_by_rest(slurm, node):
    """What the engine asks of slurmrestd for a job of a whole node, without what it tells the tasks."""
    job = {"partition": "main", "nodelist": node, "nodes": [1, 1], "gres": "gpu:8", "tasks": 1,
           "current_working_directory": "/tmp", "standard_output": "/dev/null", "standard_error": "/dev/null",
           "time_limit": 60, "environment": {"PATH": "/usr/bin:/bin"}, "dependency": "singleton",
           "name": f"floor-{node}", "requeue": False, "exclusive": "exclusive"}
    connection = SocketConnection(slurm.socket)
    connection.request("POST", "/slurm/v0.0.38/job/submit", headers={"Content-Type": "application/json"},
                       body=json.dumps({"job": job, "script": "#!/bin/sh\nexec sleep 100000\n"}))
    answer = json.loads(connection.getresponse().read())
    connection.close()
    if answer.get("errors"):
        raise Trouble(f"slurmrestd: {answer['errors']}")


def floor(options, slurm):
    """What slurmctld takes and starts a second without us, each job pinned to a whole node at the end of the fleet."""
    nodes = [f"n{i}" for i in range(options.nodes - options.floor, options.nodes)]

    def by_library():
        for node in nodes:
            slurm.client("submit", 1, 8, 60, "main", node)

    def by_rest():
        with concurrent.futures.ThreadPoolExecutor(CONNECTIONS) as threads:
            list(threads.map(lambda node: submit_by_rest(slurm, node), nodes))

    for name, submit, how in (("libslurm", by_library, "one after the other"),
                              ("slurmrestd", by_rest, f"{CONNECTIONS} at once")):
        began = time.monotonic()
        submit()
        taken = time.monotonic() - began
        wait("the floor's jobs to have their nodes", lambda: started(slurm) >= len(nodes), 600)
        took = time.monotonic() - began
        tell(options, f"Slurm alone, by {name}: taken", len(nodes) / taken, "1/s", how)
        tell(options, f"Slurm alone, by {name}: started", len(nodes) / took, "1/s", f"{len(nodes)} in {took:.1f} s")
        subprocess.run(["scancel", "-f", "-p", "main"], env=slurm.environment, check=False)
        wait("the floor's jobs to be gone", lambda: squeue(slurm, "all") == 0, 600)


def squeue(slurm, states):
    """How many jobs are in one of them; of "all", without those that have ended."""
    done = subprocess.run(["squeue", "-h", "-t", "CF,R,PD,CG" if states == "all" else states, "-o", "%A"],
                          env=slurm.environment, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout.count("\n")


def started(slurm):
    """Jobs that slurmctld has given their nodes: it goes on waiting for those to be powered up."""
    return squeue(slurm, "CF,R")


def measure(options, slurm):
    if options.floor:
        floor(options, slurm)
    plane = ControlPlane(user=REST_USER)
    plane.engine = ["--slurm", f"unix:{slurm.socket}", "--slurm-partition", "main", "--slurm-topology",
                    str(slurm.folder / "topology.conf")]
    plane.environment.update(slurm.environment)
    try:
        tell(options, "inventory", inventory(options, plane), "s", f"{options.nodes} nodes, from the start of mw serve")
        plane.kill()
        tell(options, "inventory, after it was killed", inventory(options, plane), "s", "with its journal")
        starts(options, plane, slurm)
    finally:
        plane.kill()
        shutil.rmtree(plane.home, ignore_errors=True)


def inventory(options, plane):
    """Seconds until all nodes are known and there is something to be placed on."""
    began = time.monotonic()
    plane.start(wait=False)
    wait("the control plane", lambda: answers(plane), 300)
    wait("all nodes", lambda: plane.get("/v1/nodes?limit=1")["count"] == options.nodes, 300)
    return time.monotonic() - began


def answers(plane):
    try:
        return plane.get("/healthz")
    except OSError:
        if plane.process.poll() is not None:
            raise Trouble((plane.home / "serve.out").read_text()[-2000:]) from None
        return None


def hand_in(options, plane, began, handed):
    """Jobs of a whole node each, `rate` a second; `handed` grows by the moment of each."""
    while len(handed) < options.jobs:
        due = min(options.jobs, int((time.monotonic() - began) * options.rate)) - len(handed)
        if due > 0:
            batch = [{"name": "b", "command": ["true"], "resources": {"accelerators": 8, "cpus": 1},
                      "workdir": "/tmp"} for _ in range(min(due, 500))]
            plane.post("/v1/jobs/batch", json.dumps({"jobs": batch}))
            handed += [time.monotonic() - began] * len(batch)
        time.sleep(0.1)


def starts(options, plane, slurm):
    """How many of the jobs that come have started each second, and how far behind that is."""
    began, handed, seen = time.monotonic(), [], [(0.0, 0)]
    with concurrent.futures.ThreadPoolExecutor(1) as threads:
        handing = threads.submit(hand_in, options, plane, began, handed)
        behind = []
        while not handing.done():
            time.sleep(1)
            by_now = len(handed)
            seen.append((time.monotonic() - began, started(slurm)))
            behind.append(by_now - seen[-1][1])
        handing.result()
    sent = handed[-1]
    wait("all to have started", lambda: started(slurm) >= options.jobs, 600)
    took = time.monotonic() - began
    half = next(i for i, (when, _) in enumerate(seen) if when >= sent / 2)
    steady = (seen[-1][1] - seen[half][1]) / (seen[-1][0] - seen[half][0])
    tell(options, "jobs handed in", len(handed) / sent, "1/s")
    tell(options, "jobs started by Slurm", options.jobs / took, "1/s", f"{options.jobs} in {took:.1f} s")
    tell(options, "the same in the second half of handing in", steady, "1/s")
    tell(options, "behind, at the end of handing in", behind[-1], "jobs", f"most: {max(behind)}, median: {statistics.median(behind):g}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
    parser.add_argument("--nodes", type=int, default=31_250)
    parser.add_argument("--jobs", type=int, default=3_000)
    parser.add_argument("--rate", type=float, default=100)
    parser.add_argument("--floor", type=int, default=1_000, help="jobs that Slurm is given without us first; 0: none")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--install", action="store_true", help="install what is missing, with apt-get")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        if missing := cluster.missing_packages({"/usr/sbin/slurmrestd": "slurmrestd",
                                                "/usr/include/slurm/slurm.h": "libslurm-dev"}):
            if not options.install:
                raise Trouble(f"packages are missing: {' '.join(missing)}; --install installs them")
            cluster.install(missing)
        with FastCluster(scenario.Fleet(options.nodes), 30, partitioned=False) as slurm:
            measure(options, slurm)
    except Trouble as trouble:
        sys.exit(f"slurm_engine: {trouble}")


if __name__ == "__main__":
    main()
