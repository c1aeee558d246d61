#!/usr/bin/env python3
"""Jobs that people hand to Slurm and that are decided about here, on a real cluster of six nodes with
the rule that is shipped: they run where it was decided, as their users, once, whoever is killed in
the middle; and the cluster can be had back. Also nodes that are taken out of service from either side.
"""

import json
import os
import pathlib
import re
import shutil
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import slurm_cluster  # noqa: E402
from control_plane import ROOT, ControlPlane, wait_for  # noqa: E402

PYTHON = "/usr/bin/python3"
FABRIC_ORDER = ["n1", "n4", "n6", "n2", "n3", "n5"]
LEAVES = [{"n1", "n4", "n6"}, {"n2", "n3", "n5"}]
FIRST, SECOND = slurm_cluster.USERS

cluster = None


def setUpModule():
    global cluster
    cluster = slurm_cluster.of_module(lambda: slurm_cluster.SlurmCluster(adopted=("gpu",)))


class OnTheCluster(unittest.TestCase):
    """A control plane of the operator's, who may do as the cluster's own people do."""

    def setUp(self):
        self.plane = ControlPlane()
        key = self.plane.home / "jwt.key"
        key.write_bytes((cluster.dir / "etc/jwt.key").read_bytes())
        key.chmod(0o600)
        self.plane.environment.update(cluster.environment)
        self.plane.engine = ["--slurm", f"http://127.0.0.1:{cluster.rest_port}", "--slurm-jwt-key", str(key),
                             "--slurm-topology", str(cluster.dir / "etc/topology.conf"),
                             "--slurm-partition", "gpu", "--adopt-partition", "gpu"]
        self.plane.start()
        self.addCleanup(self.plane.close)
        self.addCleanup(cluster.cancel_all)
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="mw-adopt-"))
        self.work.chmod(0o777)
        self.addCleanup(shutil.rmtree, self.work, ignore_errors=True)

    def sbatch(self, *options, script=None, user=FIRST):
        """Hands a job to Slurm as a user does; its number there."""
        memory = [] if any(each.startswith("--mem") for each in options) else ["--mem=100"]
        options = ["-p", "gpu", "-D", str(self.work), *memory, *options]
        if script is None:
            return cluster.run("sbatch", "--parsable", *options, user=user).strip()
        file = self.work / f"script{len(list(self.work.iterdir()))}.sh"
        file.write_text("#!/bin/sh\n" + script)
        return cluster.run("sbatch", "--parsable", *options, str(file), user=user).strip()

    def wrap(self, command, *options, **more):
        return self.sbatch(*options, "--wrap", command, **more)

    def ours(self, name):
        """Our jobs of that name, the oldest first."""
        jobs = self.plane.get("/v1/jobs?limit=1000")["jobs"]
        return sorted((each for each in jobs if each["name"] == name), key=lambda each: each["id"])

    def taken(self, name, count=1):
        return wait_for(f"{count} of {name} to be taken",
                        lambda: len(self.ours(name)) >= count and self.ours(name), 30)

    def slurm(self, job):
        """What scontrol says of a job, as a dict; empty when it is not there."""
        text = cluster.run("scontrol", "-o", "show", "job", str(job), check=False)
        return dict(re.findall(r"(\w+)=(.*?)(?= \w[\w:/]*=|$)", text.split("\n")[0]))

    def wait_slurm(self, job, state, seconds=30):
        return wait_for(f"Slurm's job {job} to be {state}",
                        lambda: self.slurm(job).get("JobState") == state and self.slurm(job), seconds)

    def nodes_of(self, job):
        attempt = self.plane.job(job)["attempt"]
        return [node["name"] for node in attempt["nodes"]] if attempt else []

    def expand(self, nodes):
        return cluster.run("scontrol", "show", "hostnames", nodes).split()

    def node(self, name):
        return self.plane.get(f"/v1/nodes/{name}")


class Adopt(OnTheCluster):
    # --- what is decided happens ------------------------------------------------------------

    def test_a_job_runs_where_it_was_decided_as_its_user_and_its_end_comes_back(self):
        job = self.wrap("id -un; srun sh -c 'echo $SLURMD_NODENAME'; sleep 1", "-N3", "-J", "three",
                        "--gres=gpu:8", "-o", "out.%j")
        [ours] = self.taken("three")
        self.plane.wait_job(ours["id"], ["running"])
        decided = self.nodes_of(ours["id"])
        self.assertIn(set(decided), LEAVES, "three nodes fit below one switch")
        shown = self.slurm(job)
        self.assertEqual(set(self.expand(shown["NodeList"])), set(decided))
        view = self.plane.wait_job(ours["id"], ["succeeded"])
        self.assertEqual((view["user"], view["nodes_wanted"]), (FIRST, 3))
        self.assertEqual(view["accelerators_milli"], 24_000)
        log = self.plane.mw("job", "logs", str(ours["id"])).stdout.split()
        self.assertEqual((log[0], set(log[1:])), (FIRST, set(decided)))
        self.assertEqual(self.wait_slurm(job, "COMPLETED")["Restarts"], "0")

    def test_an_exit_code_comes_back_and_is_final(self):
        job = self.wrap("exit 3", "-J", "three")
        [ours] = self.taken("three")
        view = self.plane.wait_job(ours["id"], ["failed"])
        self.assertIn("3", json.dumps(view["last_detail"]) + json.dumps(view))
        self.assertEqual(view["attempts"], 1)
        self.wait_slurm(job, "FAILED")

    def test_jobs_of_both_ways_share_the_nodes(self):
        theirs = self.wrap("sleep 30", "-N6", "--gres=gpu:8", "-J", "all")
        [all_of_it] = self.taken("all")
        self.plane.wait_job(all_of_it["id"], ["running"])
        own = self.plane.post(f"/v1/jobs?workdir={self.work}", json.dumps(
            {"name": "own", "command": ["true"], "resources": {"accelerators": 1, "cpus": 1}}))["job"]
        waiting = self.wrap("true", "--gres=gpu:1", "-J", "waits", user=SECOND)
        [ours] = self.taken("waits")
        self.assertEqual(self.plane.job(ours["id"])["state"], "pending")
        self.assertEqual(self.slurm(waiting)["Reason"], "JobHeldUser")
        self.plane.post(f"/v1/jobs/{own}/cancel")  # root's are not run
        cluster.run("scancel", theirs)
        self.plane.wait_job(ours["id"], ["succeeded"])
        self.plane.wait_job(all_of_it["id"], ["cancelled"])

    def test_what_a_user_submits_here_is_not_adopted(self):
        token = self.plane.mw("token", FIRST).stdout.strip()
        spec = {"name": "own", "command": ["sh", "-c", "echo ran >>ran; sleep 4"],
                "resources": {"accelerators": 1, "cpus": 1}}
        job = self.plane.post(f"/v1/jobs?workdir={self.work}", json.dumps(spec),
                              {"Authorization": "Bearer " + token})["job"]
        self.plane.wait_job(job, ["running"])
        [there] = cluster.jobs("RUNNING")
        self.assertTrue(self.slurm(there["id"])["AdminComment"].startswith("millwright"), "the rule marks it")
        self.plane.wait_job(job, ["succeeded"])
        self.assertEqual([each["id"] for each in self.plane.get("/v1/jobs?limit=1000")["jobs"]], [job])
        self.assertEqual((self.work / "ran").read_text(), "ran\n")
        self.assertEqual(self.slurm(there["id"])["JobState"], "COMPLETED")

    def test_cancelled_from_either_side(self):
        running = self.wrap("sleep 60", "-J", "one")
        [one] = self.taken("one")
        self.plane.wait_job(one["id"], ["running"])
        self.plane.mw("job", "cancel", str(one["id"]))
        self.wait_slurm(running, "CANCELLED")
        self.plane.wait_job(one["id"], ["cancelled"])
        full = self.wrap("sleep 60", "-N6", "--gres=gpu:8", "-J", "full")
        [ours] = self.taken("full")
        self.plane.wait_job(ours["id"], ["running"])
        here, there = [self.wrap("sleep 60", "--gres=gpu:1", "-J", name) for name in ("here", "there")]
        [ours_here], [ours_there] = self.taken("here"), self.taken("there")
        self.plane.mw("job", "cancel", str(ours_here["id"]))
        self.wait_slurm(here, "CANCELLED")
        cluster.run("scancel", there, user=FIRST)
        self.plane.wait_job(ours_there["id"], ["cancelled"])
        cluster.run("scancel", full, user=FIRST)
        self.assertEqual(self.plane.wait_job(ours["id"], ["cancelled"])["attempts"], 1)

    def test_arrays_limits_and_dependencies(self):
        first = self.wrap("sleep 1; echo $SLURM_ARRAY_TASK_ID >>ran", "--array=3,5-9:2%2", "-J", "many")
        after = self.wrap("echo after >>ran", "-d", f"afterok:{first}", "-J", "after")
        self.taken("many", 2)
        most = 0
        deadline = time.monotonic() + 40
        while len(self.ours("many")) < 4 or not self.ours("after"):
            most = max(most, len(cluster.jobs("RUNNING")))
            self.assertLess(time.monotonic(), deadline)
        for job in self.ours("many") + self.ours("after"):
            self.plane.wait_job(job["id"], ["succeeded"])
        self.assertLessEqual(most, 2)
        ran = (self.work / "ran").read_text().split()
        self.assertEqual((sorted(ran[:4]), ran[4:]), (["3", "5", "7", "9"], ["after"]))
        self.wait_slurm(after, "COMPLETED")

    def test_quota_and_health_decide(self):
        policy = self.work / "policy.yaml"
        policy.write_text("name: test\ntenants:\n  default: {quota: 8, borrow_limit: 0}\n")
        self.plane.mw("policy", "set", str(policy))
        self.plane.mw("node", "quarantine", "n1", "--reason", "bad")
        self.addCleanup(cluster.run, "scontrol", "update", "NodeName=n1", "State=RESUME", check=False)
        first = self.wrap("sleep 60", "--gres=gpu:8", "-J", "first")
        self.plane.wait_job(self.taken("first")[0]["id"], ["running"])
        self.assertNotIn("n1", self.expand(self.slurm(first)["NodeList"]))
        second = self.wrap("true", "--gres=gpu:1", "-J", "second", user=SECOND)
        [ours] = self.taken("second")
        why = wait_for("a reason", lambda: self.plane.get(f"/v1/jobs/{ours['id']}/why")["reason"])
        self.assertEqual(why["kind"], "over_quota", why)
        self.assertEqual(self.slurm(second)["JobState"], "PENDING")
        cluster.run("scancel", first)
        self.plane.wait_job(ours["id"], ["succeeded"])

    def test_a_time_limit_of_slurms_ends_it(self):
        job = self.wrap("exec sleep 300", "-t", "1", "-J", "long")
        view = self.plane.wait_job(self.taken("long")[0]["id"], seconds=150)
        self.assertEqual((view["state"], view["attempts"]), ("timed_out", 1))
        self.assertEqual(self.slurm(job)["JobState"], "TIMEOUT")

    def test_users_hold_and_release_their_own(self):
        job = self.wrap("true", "--hold", "-J", "mine")
        later = self.wrap("true", "--begin=now+1hour", "-J", "later")
        [ours] = self.taken("later")
        cluster.run("scontrol", "hold", later, user=FIRST)
        wait_for("the hold to be seen", lambda: self.plane.job(ours["id"])["held"])
        self.assertIn("held by its user", self.plane.mw("slurm", "jobs").stdout)
        self.assertEqual(self.ours("mine"), [])
        cluster.run("scontrol", "release", job, user=FIRST)
        [mine] = self.taken("mine")
        self.plane.wait_job(mine["id"], ["succeeded"])

    def test_srun_waits_for_its_turn(self):
        out = cluster.run("srun", "-p", "gpu", "-J", "now", "--mem=100", "-N2", "--quiet",
                          "sh", "-c", "echo $SLURMD_NODENAME", user=SECOND, check=False)
        [ours] = self.taken("now")
        view = self.plane.wait_job(ours["id"], ["succeeded"])
        self.assertEqual(view["user"], SECOND)
        self.assertEqual(len(set(out.split()) & set(FABRIC_ORDER)), 2, out)

    # --- what is not understood -------------------------------------------------------------

    def test_what_is_not_understood_stays_held_and_says_why(self):
        named = self.wrap("true", "-w", "n3", "-J", "named")
        without = self.wrap("true", "-x", "n3", "-J", "without")
        file = self.work / "het.sh"
        file.write_text("#!/bin/sh\n#SBATCH -n1 -p gpu\n#SBATCH hetjob\n#SBATCH -n1 -p gpu\ntrue\n")
        het = cluster.run("sbatch", "--parsable", "-D", str(self.work), str(file), user=FIRST).strip()
        for job, why in ((named, "-w n3"), (without, "-x n3"), (het, "heterogeneous")):
            note = wait_for("the reason to be there",
                            lambda j=job: "stays held" in self.slurm(j).get("AdminComment", "")
                            and self.slurm(j)["AdminComment"])
            self.assertIn(why, note)
        listed = json.loads(self.plane.mw("slurm", "jobs", "--json").stdout)["jobs"]
        self.assertIn("it names its nodes", {each["slurm_job"]: each for each in listed}[named]["what"])
        cluster.run("scontrol", "update", f"JobId={without}", "ExcNodeList=", user=FIRST)
        cluster.run("scancel", named, het)
        self.wait_slurm(without, "COMPLETED", 90)

    def test_options_that_bear_on_the_place_are_heeded_or_refused(self):
        by_gpu = [self.sbatch("-N1", "--gpus=2", "--mem-per-gpu=4000", "--cpus-per-gpu=3", "-J", "bygpu",
                              script="sleep 3") for _ in range(2)]
        refused = {"--contiguous": "--contiguous", "--tmp=1": "--tmp", "--sockets-per-node=2": "--sockets-per-node",
                   "--ntasks-per-socket=1": "--ntasks-per-socket",
                   "--prefer=fast": "--prefer", "--exclusive=user": "--exclusive=user", "--reboot": "--reboot"}
        jobs = {option: self.wrap("true", option, "-n1", user=None) for option in refused}
        for option, name in refused.items():
            self.assertIn(f"it was submitted with {name}", wait_for(
                f"{option} to be refused", lambda j=jobs[option]: "stays held" in self.slurm(j).get("AdminComment", "")
                and self.slurm(j)["AdminComment"]))
        # 8 GB of a node's 20: without that they would have a node each.
        places = [self.nodes_of(self.plane.wait_job(each["id"], ["running"])["id"]) for each in self.taken("bygpu", 2)]
        self.assertEqual(places[0], places[1])
        for job in by_gpu:
            self.assertEqual(self.wait_slurm(job, "COMPLETED")["NumCPUs"], "6")

    def test_of_a_singleton_one_runs_at_a_time(self):
        jobs = [self.wrap("sleep 1", "-d", "singleton", "-J", "alone") for _ in range(3)]
        most = 0
        while True:
            states = [self.slurm(job)["JobState"] for job in jobs]
            most = max(most, states.count("RUNNING"))
            self.assertFalse(set(states) & {"FAILED", "CANCELLED"}, states)
            if states == ["COMPLETED"] * 3:
                break
            self.assertLessEqual(len([each for each in self.ours("alone") if each["state"] in ("pending", "running")]), 1)
        self.assertEqual(most, 1)

    def test_a_start_that_is_put_off_is_heard(self):
        job = self.wrap("true", "--begin=now+1hour", "-J", "later")
        [first] = self.taken("later")
        cluster.run("scontrol", "update", f"JobId={job}", "StartTime=now+2hours", user=FIRST)
        _, second = self.taken("later", 2)
        self.assertEqual(self.plane.job(first["id"])["state"], "cancelled")
        self.assertEqual(self.plane.job(second["id"])["state"], "pending")
        cluster.run("scontrol", "update", f"JobId={job}", "StartTime=now", user=FIRST)
        self.taken("later", 3)
        self.wait_slurm(job, "COMPLETED")

    def test_a_job_that_is_changed_while_it_waits_is_decided_about_anew(self):
        full = self.wrap("sleep 60", "-N6", "--gres=gpu:8", "-J", "full")
        self.plane.wait_job(self.taken("full")[0]["id"], ["running"])
        job = self.wrap("sleep 2", "-N2", "--gres=gpu:4", "-J", "grows")
        self.taken("grows")
        cluster.run("scontrol", "update", f"JobId={job}", "NumNodes=3-3", user=FIRST)
        old, new = self.taken("grows", 2)
        self.assertEqual(self.plane.job(old["id"])["state"], "cancelled")
        cluster.run("scancel", full)
        self.plane.wait_job(new["id"], ["running"])
        self.assertEqual(len(self.expand(self.slurm(job)["NodeList"])), 3)
        self.assertEqual(self.plane.wait_job(new["id"], ["succeeded"])["nodes_wanted"], 3)

    # --- who is killed in the middle --------------------------------------------------------

    def counted(self, count, seconds):
        script = f"echo + $SLURM_JOB_ID $SLURM_RESTART_COUNT >>count; sleep {seconds}; echo - $SLURM_JOB_ID >>count"
        return [self.wrap(script, "--gres=gpu:1", "-J", "counted", "-o", "/dev/null",
                          user=slurm_cluster.USERS[i % 2]) for i in range(count)]

    def check_counted(self, jobs):
        for job in jobs:
            self.wait_slurm(job, "COMPLETED", 90)
        wait_for("all to have succeeded here", lambda: sorted(
            each["state"] for each in self.ours("counted")) == ["succeeded"] * len(jobs), 30)
        lines = sorted((self.work / "count").read_text().split("\n")[:-1])
        wanted = sorted([f"+ {job} " for job in jobs] + [f"- {job}" for job in jobs])
        self.assertEqual(sorted(line if line[0] == "-" else line.rstrip() + " " for line in lines), wanted,
                         "a job ran twice, or not at all")

    def test_the_control_plane_is_killed_under_fifty_jobs_and_nothing_runs_twice(self):
        (self.work / "count").touch()
        (self.work / "count").chmod(0o666)
        jobs = self.counted(40, 4)
        wait_for("one to run", lambda: cluster.jobs("RUNNING"))
        self.plane.kill()
        jobs += self.counted(4, 1)
        self.plane.start()
        jobs += self.counted(6, 1)
        wait_for("some to be taken", lambda: len(self.ours("counted")) > 44)
        self.plane.kill()
        self.plane.start()
        self.check_counted(jobs)
        self.plane.stop()
        self.plane.mw("journal", "verify")

    def test_slurmrestd_is_killed_and_nothing_is_lost(self):
        (self.work / "count").touch()
        (self.work / "count").chmod(0o666)
        jobs = self.counted(6, 3)
        wait_for("one to run", lambda: cluster.jobs("RUNNING"))
        cluster.kill("slurmrestd.jwt")
        jobs += self.counted(4, 1)
        wait_for("it to be missed", lambda: "nothing is started until it answers" in (self.plane.home / "serve.out").read_text())
        cluster.kill("slurmrestd")
        cluster.start_rest()
        self.check_counted(jobs)

    def test_slurmctld_is_killed_under_fifty_jobs_and_nothing_is_lost(self):
        (self.work / "count").touch()
        (self.work / "count").chmod(0o666)
        jobs = self.counted(50, 12)  # 48 fit
        wait_for("48 to run", lambda: len(cluster.jobs("RUNNING")) == 48, 60)
        began = time.time()
        wait_for("Slurm's state to be on disk",
                 lambda: (cluster.dir / "state/job_state").stat().st_mtime > began)
        cluster.kill("slurmctld")
        self.plane.kill()
        self.plane.start()  # with nobody to ask
        states = {each["state"] for each in self.ours("counted")}
        self.assertFalse(states & {"failed", "cancelled"}, states)
        cluster.start_slurmctld()
        self.check_counted(jobs)

    def test_a_node_dies_and_the_job_goes_on_elsewhere_from_its_checkpoint(self):
        job = self.sbatch("-N2", "--gres=gpu:8", "-J", "survivor", "-o", "/dev/null", script="""
            step=$(cat checkpoint 2>/dev/null || echo 0)
            echo "$SLURM_RESTART_COUNT $SLURM_JOB_NODELIST $step" >>runs
            until [ -n "$SLURM_RESTART_COUNT" ]; do sleep 0.2; step=$((step + 1)); echo $step >checkpoint; done
        """)
        [ours] = self.taken("survivor")
        self.plane.wait_job(ours["id"], ["running"])
        wait_for("a checkpoint", (self.work / "checkpoint").exists)
        first = self.nodes_of(ours["id"])
        dead = first[1]
        cluster.kill("slurmd." + dead)
        self.addCleanup(cluster.wait_idle, [dead])
        self.addCleanup(cluster.start_slurmd, dead)
        wait_for(f"{dead} to be lost", lambda: self.node(dead)["lost"], 60)
        view = self.plane.wait_job(ours["id"], ["succeeded"], 60)
        self.assertEqual(view["attempts"], 2)
        runs = [line.split() for line in (self.work / "runs").read_text().splitlines()]
        self.assertEqual((len(runs), runs[0][-1]), (2, "0"), runs)
        self.assertNotIn(dead, self.expand(runs[1][1]))
        self.assertGreater(int(runs[1][2]), 0, "it began anew")
        self.wait_slurm(job, "COMPLETED")

    def test_training_over_four_nodes(self):
        self.sbatch("-N4", "--ntasks-per-node=1", "--gres=gpu:8", "-J", "charlm", "-o", "charlm.out", script=f"""
            export MASTER_ADDR=127.0.0.1 MASTER_PORT=29517 OMP_NUM_THREADS=1 HOME={self.work}
            export CHECKPOINT_DIR={self.work}/checkpoints WORLD_SIZE=4
            mkdir -p $CHECKPOINT_DIR
            srun sh -c 'RANK=$SLURM_PROCID LOCAL_RANK=0 exec {PYTHON} {ROOT}/examples/charlm/train.py --steps 4 --checkpoint-every 2'
        """)
        [ours] = self.taken("charlm")
        view = self.plane.wait_job(ours["id"], seconds=120)
        log = (self.work / "charlm.out").read_text()
        self.assertEqual(view["state"], "succeeded", log)

    # --- and back ---------------------------------------------------------------------------

    def test_the_cluster_can_be_had_back(self):
        refused = self.plane.mw("slurm", "give-back", check=False)
        self.assertIn("mw down", refused.stderr)
        full = self.wrap("sleep 2", "-N6", "--gres=gpu:8", "-J", "full")
        self.plane.wait_job(self.taken("full")[0]["id"], ["running"])
        jobs = [self.wrap("true", "--gres=gpu:1", "-J", "waits") for _ in range(3)]
        array = self.wrap("true", "--array=1-3", "-J", "waits")
        kept = self.wrap("true", "--hold", "-J", "kept")
        self.taken("waits", 6)
        self.plane.stop()
        done = self.plane.mw("slurm", "give-back")
        self.assertIn("4 of Slurm's jobs were let go", done.stdout)
        self.assertIn("New jobs go there as well", done.stdout)
        later = self.wrap("true", "-J", "later")
        for job in [full, *jobs, array, later]:
            self.wait_slurm(job, "COMPLETED", 60)
        self.assertEqual(self.slurm(kept)["JobState"], "PENDING")
        cluster.run("scontrol", "release", kept, user=FIRST)
        self.wait_slurm(kept, "COMPLETED")
        self.plane.start()
        again = self.wrap("true", "-J", "again")
        self.plane.wait_job(self.taken("again")[0]["id"], ["succeeded"])
        self.assertTrue(self.slurm(again)["AdminComment"].startswith("millwright"))
        self.assertEqual(self.ours("later"), [])
        # Who may not write there is told what to do.
        switch = cluster.dir / "etc/millwright.off"
        self.assertEqual(switch.read_text(), "")
        switch.unlink()
        switch.mkdir()
        self.addCleanup(switch.rmdir)
        self.plane.stop()
        done = self.plane.mw("slurm", "give-back", check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(f"New jobs are still held: cannot write {switch}", done.stdout)

    def test_a_change_back_and_forth_loses_no_job(self):
        full = self.wrap("sleep 60", "-N6", "--gres=gpu:8", "-J", "full")
        self.plane.wait_job(self.taken("full")[0]["id"], ["running"])
        job = self.wrap("true", "--time=30", "--gres=gpu:1", "-J", "forth")
        self.taken("forth")
        for count, minutes in ((2, 20), (3, 30)):
            cluster.run("scontrol", "update", f"JobId={job}", f"TimeLimit={minutes}")
            self.taken("forth", count)
        cluster.run("scancel", full)
        self.plane.wait_job(self.ours("forth")[2]["id"], ["succeeded"])
        self.wait_slurm(job, "COMPLETED")


class Drains(OnTheCluster):
    def slurm_node(self, name):
        text = cluster.run("scontrol", "-o", "show", "node", name)
        state = re.search(r" State=(\S+)", text)[1]
        reason = re.search(r" Reason=(.*?) \[", text)
        return state, reason[1] if reason else ""

    def setUp(self):
        super().setUp()
        self.addCleanup(cluster.run, "scontrol", "update", "NodeName=n[1-6]", "State=RESUME", check=False)

    def test_a_drain_made_here_is_one_there_and_ends_with_it(self):
        self.plane.mw("node", "drain", "n4", "--reason", 'fan "3"')
        wait_for("the drain to be there", lambda: "DRAIN" in self.slurm_node("n4")[0])
        self.assertRegex(self.slurm_node("n4")[1], r"^Millwright [0-9a-f]{8}: draining by \S+, fan '3'$")
        self.assertEqual(self.node("n4")["by"], "root")
        self.plane.kill()
        self.plane.start()
        self.plane.mw("node", "quarantine", "n4", "--reason", "worse")
        wait_for("the new reason to be there", lambda: "quarantined" in self.slurm_node("n4")[1])
        self.plane.mw("node", "resume", "n4")
        wait_for("the node to be back", lambda: "DRAIN" not in self.slurm_node("n4")[0])
        self.assertEqual(self.node("n4")["phase"], "ready")

    def test_whoever_resumes_there_what_was_drained_here_is_heard(self):
        self.plane.mw("node", "drain", "n5", "--reason", "mine")
        wait_for("the drain to be there", lambda: "DRAIN" in self.slurm_node("n5")[0])
        self.wait_for_looks()
        cluster.run("scontrol", "update", "NodeName=n5", "State=RESUME")
        wait_for("the node to be ready here", lambda: self.node("n5")["phase"] == "ready")
        self.wait_for_looks()
        self.assertNotIn("DRAIN", self.slurm_node("n5")[0])
        self.assertEqual(self.node("n5")["phase"], "ready")

    def test_whoever_resumes_there_while_nobody_is_here_is_heard_later(self):
        self.plane.mw("node", "drain", "n5", "--reason", "mine")
        wait_for("the drain to be there", lambda: "DRAIN" in self.slurm_node("n5")[0])
        self.wait_for_looks()
        self.plane.kill()
        cluster.run("scontrol", "update", "NodeName=n5", "State=RESUME")
        self.plane.start()
        wait_for("the node to be ready here", lambda: self.node("n5")["phase"] == "ready")
        self.wait_for_looks()
        self.assertNotIn("DRAIN", self.slurm_node("n5")[0])

    def wait_for_looks(self):
        """Until Slurm has been looked at twice: a node that is drained meanwhile is seen."""
        for _ in range(2):
            cluster.run("scontrol", "update", "NodeName=n1", "State=DRAIN", "Reason=look")
            wait_for("a look", lambda: self.node("n1")["phase"] == "draining")
            cluster.run("scontrol", "update", "NodeName=n1", "State=RESUME")
            wait_for("another", lambda: self.node("n1")["phase"] == "ready")

    def test_slurm_reboots_a_node_once_whoever_is_killed_meanwhile(self):
        policy = self.work / "faults.yaml"
        policy.write_text("name: reboots\nhooks: {reboot: {command: engine, timeout: 5m}}\n"
                          "rules: [{code: nvidia.xid.79, do: reboot}]\n")
        self.plane.mw("faults", "policy", "set", str(policy))
        before = cluster.reboots()
        self.plane.mw("faults", "post", "nvidia.xid.79", "--node", "n4", "--device", "3")
        wait_for("the node to be rebooted", lambda: cluster.reboots() > before, 30)
        self.assertEqual(self.node("n4")["phase"], "repairing")
        self.assertRegex(self.slurm_node("n4")[1], r"^Millwright [0-9a-f]{8}: reboot \d+, nvidia\.xid\.79")
        self.plane.kill()
        self.plane.start()
        self.wait_for_looks()
        self.assertEqual(self.node("n4")["phase"], "repairing", "it has not come back yet")
        cluster.boot("n4")
        wait_for("the node to be back", lambda: self.node("n4")["phase"] == "ready", 60)
        wait_for("it to be back there", lambda: "DRAIN" not in self.slurm_node("n4")[0])
        self.assertEqual(cluster.reboots(), before + 1)

    def test_a_drain_of_the_clusters_people_is_left_to_them(self):
        cluster.run("scontrol", "update", "NodeName=n2", "State=DRAIN", "Reason=theirs")
        wait_for("it to be seen", lambda: self.node("n2")["phase"] == "draining")
        self.assertEqual((self.node("n2")["by"], self.node("n2")["reason"]), ("slurm", "theirs (root)"))
        self.plane.mw("node", "quarantine", "n2", "--reason", "ours, too")
        self.wait_for_looks()
        self.assertEqual(self.slurm_node("n2")[1], "theirs")
        cluster.run("scontrol", "update", "NodeName=n2", "State=RESUME")
        wait_for("ours to be there", lambda: "ours, too" in self.slurm_node("n2")[1])
        self.plane.mw("node", "resume", "n2")
        wait_for("the node to be back", lambda: "DRAIN" not in self.slurm_node("n2")[0])


if __name__ == "__main__":
    unittest.main()
