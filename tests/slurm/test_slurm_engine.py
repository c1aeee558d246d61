#!/usr/bin/env python3
"""A Slurm cluster as engine, on a real one of six nodes: what is decided happens there, what happens
there is seen, and nothing is lost or started twice whoever is killed in the middle.

The order of the fabric is not that of the names (leaf n1 n4 n6, leaf n2 n3 n5), so that ranks that
are numbered by name would be noticed.
"""

import json
import os
import pathlib
import shutil
import sys
import tempfile
import textwrap
import time
import unittest
import unittest.mock

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import slurm_cluster  # noqa: E402
from control_plane import ROOT, ControlPlane, Refused, wait_for  # noqa: E402

CLIENTS = str(pathlib.Path(__file__).resolve().parents[2] / "clients/python")
PYTHON = "/usr/bin/python3"
FABRIC_ORDER = ["n1", "n4", "n6", "n2", "n3", "n5"]
GPUS = {"accelerators": 8, "cpus": 1}

cluster = None


def setUpModule():
    global cluster
    cluster = slurm_cluster.of_module(slurm_cluster.SlurmCluster)


class Prerequisites(unittest.TestCase):
    def test_what_is_missing_is_named(self):
        with unittest.mock.patch.dict(os.environ, PATH="/nowhere"):
            self.assertRegex(slurm_cluster.why_not(), "slurm-client|needs root")


class SlurmEngine(unittest.TestCase):
    def setUp(self):
        self.plane = self.make_plane()
        self.plane.start()
        self.addCleanup(self.plane.close)
        self.addCleanup(cluster.cancel_all)

    def make_plane(self):
        plane = ControlPlane(user=slurm_cluster.REST_USER)
        plane.engine = ["--slurm", f"unix:{cluster.socket}", "--slurm-topology",
                        str(cluster.dir / "etc/topology.conf"), "--slurm-partition", "main"]
        return plane

    def submit(self, name, command, **more):
        spec = {"name": name, "command": command, "resources": {"cpus": 1}, **more}
        return self.plane.submit(spec)

    def shell(self, name, script, **more):
        return self.submit(name, ["/bin/sh", "-c", script], **more)

    def python(self, name, program, **more):
        return self.submit(name, [PYTHON, "-c", textwrap.dedent(program)], **more)

    def log(self, job, rank=0):
        return self.plane.mw("job", "logs", str(job), "--rank", str(rank)).stdout

    def nodes_of(self, job):
        attempt = self.plane.job(job)["attempt"]
        return [node["name"] for node in attempt["nodes"]] if attempt else []

    def node(self, name):
        return self.plane.get(f"/v1/nodes/{name}")

    def placed(self, job):
        """The nodes of each of its attempts."""
        events = self.plane.get(f"/v1/jobs/{job}/story")["events"]
        return [each["nodes"] for each in events if each["kind"] == "attempt_placed"]

    # --- what is decided happens ------------------------------------------------------------

    def test_a_gang_runs_where_and_in_the_order_that_was_decided(self):
        job = self.shell("gang", 'echo "$RANK $SLURM_PROCID $LOCAL_RANK $WORLD_SIZE $MILLWRIGHT_NODE '
                                 '$CUDA_VISIBLE_DEVICES"; echo oops >&2; exec sleep 3',
                         tasks=8, nodes=4, resources={"accelerators": 4, "cpus": 1})
        self.plane.wait_job(job, ["running"])
        nodes = self.nodes_of(job)
        self.assertEqual(len(nodes), 4)
        self.assertEqual(sorted(nodes, key=FABRIC_ORDER.index), nodes)
        self.assertNotEqual(sorted(nodes), nodes, "by name it would be the same: no test")
        shown = [each for each in cluster.jobs("RUNNING") if each["user"] == slurm_cluster.REST_USER]
        self.assertEqual(len(shown), 1)
        self.assertTrue(shown[0]["name"].startswith("gang-mw"), shown)
        self.plane.wait_job(job, ["succeeded"])
        for rank in range(8):
            devices = "0,1,2,3" if rank % 2 == 0 else "4,5,6,7"
            self.assertEqual(self.log(job, rank).strip(),
                             f"{rank} {rank} {rank % 2} 8 {nodes[rank // 2]} {devices}")
        self.assertEqual(self.plane.mw("job", "logs", str(job), "--stderr").stdout, "oops\n")

    def test_training_over_four_nodes(self):
        folder = str(self.plane.home / "checkpoints")
        job = self.submit("charlm", [PYTHON, str(ROOT / "examples/charlm/train.py"), "--steps", "4",
                                     "--checkpoint-every", "2"], tasks=4, nodes=4, resources=GPUS,
                          environment={"OMP_NUM_THREADS": "1", "CHECKPOINT_DIR": folder})
        view = self.plane.wait_job(job, seconds=180)
        self.assertEqual(view["state"], "succeeded", self.plane.mw("job", "logs", str(job), "--stderr").stdout)
        self.assertEqual((view["checkpoint"]["step"], view["progress"]["step"]), (4, 4))

    def test_an_exit_code_comes_back(self):
        job = self.shell("fails", "exit 7", restart={"limit": 0})
        own = self.shell("odd", "exit 73", restart={"limit": 0})  # as the script has it for itself
        view = self.plane.wait_job(job, ["failed"])
        self.assertIn("7", json.dumps(view))
        view = self.plane.wait_job(own, ["failed"])
        self.assertNotIn("cannot make the folder", json.dumps(view))

    def test_arguments_arrive_as_they_are(self):
        words = ["a b", "it's", "$HOME `id` $(id)", "*", "", 'x"y', "MILLWRIGHT_HOSTS"]
        job = self.submit("words", [PYTHON, "-c", "import sys; print(sys.argv[1:])", *words],
                          environment={"ODD": "it's $x"})
        self.plane.wait_job(job, ["succeeded"])
        self.assertEqual(self.log(job).strip(), str(words))

    def test_what_is_cancelled_has_its_grace(self):
        job = self.shell("graceful", 'trap "sleep 1; echo saved; exit 0" TERM; echo begun; '
                                     "while :; do sleep 0.1; done", grace="20s")
        wait_for("the task to begin", lambda: self.started(job))
        self.plane.post(f"/v1/jobs/{job}/cancel")
        self.plane.wait_job(job, ["cancelled"])
        self.assertEqual(self.log(job), "begun\nsaved\n")

    def started(self, job):
        try:
            return "begun" in self.log(job)
        except AssertionError:
            return False

    def test_a_time_limit_ends_it(self):
        job = self.shell("long", "exec sleep 60", time_limit="1s", grace="1s", restart={"limit": 0})
        self.plane.wait_job(job, ["timed_out"])
        self.assertFalse(cluster.jobs("RUNNING"))

    def test_whoever_cancels_in_slurm_is_respected(self):
        job = self.shell("theirs", "exec sleep 60")
        self.plane.wait_job(job, ["running"])
        cluster.run("scancel", cluster.jobs("RUNNING")[0]["id"])
        view = self.plane.wait_job(job, ["cancelled"])
        self.assertEqual(view["attempts"], 1)

    # --- what happens there is seen ---------------------------------------------------------

    def test_others_are_seen_and_left_alone(self):
        theirs = cluster.run("sbatch", "--parsable", "-D", "/tmp", "-w", "n1", "--gres=gpu:6",
                             "-c", "4", "--mem=500", "-o", "/dev/null", "--wrap", "exec sleep 60",
                             user=slurm_cluster.USERS[0]).strip()
        use = wait_for("their use to be seen", lambda: self.node("n1")["used_by_others"])
        self.assertEqual((use["accelerators"], use["cpus_milli"]), (6, 4000))
        self.assertEqual(self.node("n1")["accelerators_free_milli"], 2000)
        job = self.shell("all", "exit 0", tasks=6, nodes=6, resources=GPUS)
        small = self.shell("small", "exit 0", resources={"accelerators": 2, "cpus": 1})
        self.plane.wait_job(small, ["succeeded"])
        self.assertEqual(self.plane.job(job)["state"], "pending")
        ledger = json.dumps(self.plane.get("/v1/ledger"))
        self.assertIn("used_by_others", ledger)
        cluster.run("scancel", theirs)
        self.plane.wait_job(job, ["succeeded"])
        self.assertIsNone(self.node("n1")["used_by_others"])

    def test_a_drain_in_slurm_is_one_here_and_ends_with_it(self):
        self.addCleanup(cluster.run, "scontrol", "update", "NodeName=n4", "State=RESUME", check=False)
        cluster.run("scontrol", "update", "NodeName=n4", "State=DRAIN", "Reason=fan is loud")
        wait_for("n4 to drain", lambda: self.node("n4")["phase"] == "draining")
        self.assertEqual((self.node("n4")["reason"], self.node("n4")["by"]), ("fan is loud (root)", "slurm"))
        job = self.shell("five", "exec sleep 1", tasks=5, nodes=5, resources=GPUS)
        self.plane.wait_job(job, ["running"])
        self.assertNotIn("n4", self.nodes_of(job))
        cluster.run("scontrol", "update", "NodeName=n4", "State=RESUME")
        wait_for("n4 to be ready", lambda: self.node("n4")["phase"] == "ready")
        # One that is drained here is not resumed by what Slurm says.
        self.plane.mw("node", "drain", "n6", "--reason", "mine")
        job = self.shell("five", "exec sleep 1", tasks=5, nodes=5, resources=GPUS)
        self.plane.wait_job(job, ["succeeded"])
        self.assertEqual(self.node("n6")["phase"], "draining")

    def test_a_node_dies_and_the_job_goes_on_elsewhere_from_its_checkpoint(self):
        program = f"""
            import sys, time
            sys.path.insert(0, {CLIENTS!r})
            import millwright
            begun = millwright.resume()
            step = begun[1] if begun else 0
            print("from", step, flush=True)
            for _ in range(600):
                step += 1
                millwright.report(step=step)
                if step % 5 == 0:
                    millwright.checkpoint_saved("/tmp/none", step)
                    millwright.flush()
                if begun:
                    break
                time.sleep(0.1)
        """
        job = self.python("survivor", program, tasks=2, nodes=2, resources=GPUS)
        wait_for("a checkpoint", lambda: (self.plane.job(job)["checkpoint"] or {}).get("step"))
        first = self.nodes_of(job)
        dead = first[1]
        cluster.kill("slurmd." + dead)
        self.addCleanup(cluster.wait_idle, [dead])
        self.addCleanup(cluster.start_slurmd, dead)
        wait_for(f"{dead} to be lost", lambda: self.node(dead)["lost"], 60)
        view = self.plane.wait_job(job, ["succeeded"], 60)
        self.assertEqual(view["attempts"], 2)
        self.assertRegex(self.log(job), r"^from [1-9]")
        self.assertNotIn(dead, self.placed(job)[1])

    # --- who is killed in the middle --------------------------------------------------------

    def submit_counted(self, count, seconds):
        """Jobs that write a line each when they begin and when they end."""
        script = f'echo "+ $MILLWRIGHT_JOB_ID" >>"$0"; sleep {seconds}; echo "- $MILLWRIGHT_JOB_ID" >>"$0"'
        file = self.plane.home / "count"
        return [self.submit(f"counted{i}", ["/bin/sh", "-c", script, str(file)],
                            resources={"accelerators": 1, "cpus": 1}) for i in range(count)]

    def check_counted(self, jobs):
        for job in jobs:
            self.plane.wait_job(job, ["succeeded"], 60)
        lines = sorted((self.plane.home / "count").read_text().split("\n")[:-1])
        wanted = sorted([f"{sign} {job}" for job in jobs for sign in "+-"])
        self.assertEqual(lines, wanted, "a job ran twice, or not at all")

    def test_the_control_plane_is_killed_under_fifty_jobs_and_nothing_runs_twice(self):
        jobs = self.submit_counted(44, 4)  # 48 fit
        wait_for("one to run", lambda: cluster.jobs("RUNNING"))
        self.plane.kill()  # in the middle of handing them over
        self.plane.start()
        jobs += self.submit_counted(6, 1)
        self.plane.kill()  # in the middle of handing them over
        self.plane.start()
        self.check_counted(jobs)
        self.plane.stop()
        self.plane.mw("journal", "verify")

    def test_slurmrestd_is_killed_and_nothing_is_lost(self):
        jobs = self.submit_counted(6, 3)
        wait_for("one to run", lambda: cluster.jobs("RUNNING"))
        cluster.kill("slurmrestd")
        jobs += self.submit_counted(6, 1)
        wait_for("it to be missed", lambda: "nothing is started until it answers" in (self.plane.home / "serve.out").read_text())
        states = {self.plane.job(job)["state"] for job in jobs}
        self.assertFalse(states & {"failed", "cancelled"}, states)
        cluster.kill("slurmrestd.jwt")
        cluster.start_rest()
        self.check_counted(jobs)

    def test_slurmctld_is_killed_under_fifty_jobs_and_nothing_is_lost(self):
        jobs = self.submit_counted(48, 12)
        wait_for("all to run", lambda: len(cluster.jobs("RUNNING")) == 48)
        # Slurm writes its state down a moment later; what it has not, nobody can bring back.
        began = time.time()
        wait_for("Slurm's state to be on disk",
                 lambda: (cluster.dir / "state/job_state").stat().st_mtime > began)
        cluster.kill("slurmctld")
        jobs += self.submit_counted(2, 1)
        self.plane.kill()
        self.plane.start()  # with nobody to ask
        states = {self.plane.job(job)["state"] for job in jobs}
        self.assertFalse(states & {"failed", "cancelled"}, states)
        cluster.start_slurmctld()
        self.check_counted(jobs)
        self.assertFalse([name for name in FABRIC_ORDER if self.node(name)["lost"]])

    # --- what is said of mistakes -----------------------------------------------------------

    def refused(self, *arguments):
        home = self.plane.home / f"other{len(arguments)}{abs(hash(arguments))}"
        done = self.plane.mw("--home", str(home), "serve", *arguments, check=False, timeout=30)
        self.assertNotEqual(done.returncode, 0)
        return done.stderr

    def test_mistakes_are_told_with_what_to_do(self):
        socket = f"unix:{cluster.socket}"
        self.assertIn("is slurmrestd running", self.refused("--slurm", "unix:/nowhere.sock"))
        self.assertIn("expected unix:/PATH", self.refused("--slurm", "localhost:6820"))
        self.assertIn("--slurm-jwt-key", self.refused("--slurm", "http://127.0.0.1:1"))
        self.assertIn("it has main, debug", self.refused("--slurm", socket, "--slurm-partition", "x"))
        self.assertIn("say where slurmrestd", self.refused("--engine", "slurm"))
        self.assertIn("there is no file", self.refused("--slurm", socket, "--slurm-topology", "/no"))

    def test_what_slurm_cannot_give_is_refused_with_a_reason(self):
        job = self.shell("part", "exit 0", resources={"accelerators": 0.5, "cpus": 1},
                         restart={"limit": 0})
        view = self.plane.wait_job(job, ["failed"])
        self.assertIn("ask for whole ones", json.dumps(view))


class Users(unittest.TestCase):
    """Who submits is who runs: two users, by tokens of their own, on the cluster's key."""

    def setUp(self):
        self.plane = ControlPlane()
        key = self.plane.home / "jwt.key"
        key.write_bytes((cluster.dir / "etc/jwt.key").read_bytes())
        key.chmod(0o600)
        self.plane.engine = ["--slurm", f"http://127.0.0.1:{cluster.rest_port}",
                             "--slurm-jwt-key", str(key), "--slurm-partition", "main"]
        self.plane.start()
        self.addCleanup(self.plane.close)
        self.tokens = {user: self.plane.mw("token", user).stdout.strip()
                       for user in slurm_cluster.USERS}
        self.work = {}
        for user in slurm_cluster.USERS:
            self.work[user] = pathlib.Path(tempfile.mkdtemp(prefix=f"mw-{user}-"))
            shutil.chown(self.work[user], user)
            self.addCleanup(shutil.rmtree, self.work[user], ignore_errors=True)

    def ask(self, user, method, path, body=None):
        headers = {"Authorization": "Bearer " + self.tokens[user]}
        return self.plane.request(method, path, body and json.dumps(body).encode(), headers)

    def submit(self, user, script, key=None, workdir=None):
        spec = {"name": "who", "command": ["/bin/sh", "-c", script], "resources": {"cpus": 1}}
        headers = {"Authorization": "Bearer " + self.tokens[user]}
        if key:
            headers["Idempotency-Key"] = key
        path = f"/v1/jobs?workdir={workdir or self.work[user]}"
        return json.loads(self.plane.request("POST", path, json.dumps(spec).encode(), headers)[1])["job"]

    def test_who_submits_is_who_runs_and_nobody_else(self):
        first, second = slurm_cluster.USERS
        jobs = {user: self.submit(user, "id -un; exec sleep 1") for user in slurm_cluster.USERS}
        for user, job in jobs.items():
            self.plane.wait_job(job, ["succeeded"])
            self.assertEqual(self.plane.job(job)["user"], user)
            self.assertEqual(self.ask(user, "GET", f"/v1/jobs/{job}/logs")[1].decode(), f"{user}\n")
        ran = {job["user"] for job in cluster.jobs() if job["name"].startswith("who-mw")}
        self.assertEqual(ran, {first, second})
        with self.assertRaisesRegex(Refused, "HTTP 403.*own user"):
            self.ask(second, "GET", f"/v1/jobs/{jobs[first]}/logs")

    def test_users_share_neither_keys_nor_folders_of_output(self):
        first, second = slurm_cluster.USERS
        shared = pathlib.Path(tempfile.mkdtemp(prefix="mw-shared-"))
        shared.chmod(0o1777)
        self.addCleanup(shutil.rmtree, shared, ignore_errors=True)
        jobs = {user: self.submit(user, "id -un", "the-same", shared) for user in (first, second)}
        self.assertNotEqual(jobs[first], jobs[second])
        self.assertEqual(self.submit(first, "id -un", "the-same", shared), jobs[first])
        for user, job in jobs.items():
            self.plane.wait_job(job, ["succeeded"])
            self.assertEqual(self.ask(user, "GET", f"/v1/jobs/{job}/logs")[1].decode(), f"{user}\n")

    def test_a_user_may_do_nothing_to_others_or_to_the_cluster(self):
        first, second = slurm_cluster.USERS
        job = self.submit(first, "exec sleep 30")
        for verb in ("cancel", "hold", "release", "requeue"):
            with self.assertRaisesRegex(Refused, f"HTTP 403.*is of user {first}"):
                self.ask(second, "POST", f"/v1/jobs/{job}/{verb}")
        for path in ("/v1/nodes/n1/drain", "/v1/server/stop", "/v1/policy"):
            with self.assertRaisesRegex(Refused, "HTTP 40[35]"):
                self.ask(second, "POST", path, {})
        forged = self.tokens[second].replace(second, first)
        with self.assertRaisesRegex(Refused, "HTTP 401"):
            self.plane.request("GET", "/v1/jobs", None, {"Authorization": "Bearer " + forged})
        self.ask(first, "POST", f"/v1/jobs/{job}/cancel")
        self.plane.wait_job(job, ["cancelled"])

    def test_jobs_that_slurm_hides_from_us_are_not_taken_for_lost(self):
        conf = cluster.dir / "etc/slurm.conf"
        plain = conf.read_text()

        def configure(text):
            conf.write_text(text)
            cluster.run("scontrol", "reconfigure")

        self.addCleanup(configure, plain)
        configure(plain + "PrivateData=jobs\n")
        self.plane.stop()
        self.plane.engine += ["--slurm-user", slurm_cluster.REST_USER]  # who sees no job but their own
        self.plane.start()
        job = self.submit(slurm_cluster.USERS[0], "sleep 3; id -un")
        self.assertEqual(self.plane.wait_job(job, ["running", "failed"])["state"], "running")
        view = self.plane.wait_job(job)
        self.assertEqual((view["state"], view["attempts"]), ("succeeded", 1))
        self.assertIn("PrivateData", (self.plane.home / "serve.out").read_text())

    def test_nothing_runs_as_root(self):
        job = self.plane.submit({"name": "root", "command": ["id"], "restart": {"limit": 0}})
        view = self.plane.wait_job(job, ["failed"])
        self.assertIn("jobs are not run as root", json.dumps(view))


if __name__ == "__main__":
    unittest.main()
