#!/usr/bin/python3
"""Slurm's commands against a real control plane with the local engine: scripts run with the variables
that they expect, srun starts ranks on the job's nodes, files have the names that were asked for, exit
codes are those of the scripts, and what is not supported is refused by its name."""

import contextlib
import json
import os
import pathlib
import pwd
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import control_plane  # noqa: E402

ROOT = control_plane.ROOT


class SlurmFace(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.plane = control_plane.ControlPlane(nodes=["n1:4:H100:4:8GiB", "n2:4:H100:4:8GiB", "c1:4:cpu:4:8GiB"])
        cls.plane.start()
        cls.dir = pathlib.Path(tempfile.mkdtemp(prefix="mw-face-"))
        cls.bin = cls.dir / "bin"
        cls.bin.mkdir()
        subprocess.run([control_plane.binary(), "slurm", "links", str(cls.bin)], check=True, capture_output=True)
        # Where a real Slurm is installed as well, a job finds ours first.
        cls.environment = {"PATH": "/usr/bin:/bin", "HOME": str(cls.dir), "MILLWRIGHT_HOME": str(cls.plane.home),
                           "LANG": "C.UTF-8", "SECRET": "swordfish"}

    @classmethod
    def tearDownClass(cls):
        cls.plane.close()
        shutil.rmtree(cls.dir, ignore_errors=True)

    def run_command(self, *command, code=0, environment=None, text=None):
        done = subprocess.run([self.bin / command[0], *command[1:]], cwd=self.dir, env=dict(self.environment, **(environment or {})), input=text,
                              stdin=None if text is not None else subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=120, check=False)
        if code is not None:
            self.assertEqual(done.returncode, code, f"{command}\n{done.stdout}\n{done.stderr}")
        return done

    def script(self, body, *directives, name="job.sh"):
        path = self.dir / name
        lines = "".join(f"#SBATCH {one}\n" for one in directives)
        path.write_text(f"#!/bin/bash\n{lines}\n{body}\n")
        return str(path)

    def sbatch(self, body, *directives, arguments=(), code=0, **more):
        """Submits, waits for the end, and gives its number and what it wrote."""
        done = self.run_command("sbatch", "--parsable", "--wait", self.script(body, *directives), *arguments,
                                code=code, **more)
        job = done.stdout.split()[0]
        out = self.dir / f"slurm-{job}.out"
        return job, out.read_text() if out.exists() else ""

    def test_a_script_knows_where_it_runs(self):
        job, out = self.sbatch('env | sort; scontrol show hostnames "$SLURM_JOB_NODELIST"; echo "args: $*"; pwd',
                               "--nodes=2 --ntasks-per-node=2", "--gres=gpu:h100:2", "--cpus-per-task=1",
                               "--job-name='my job'", "--mem=1G", "--comment=hello", arguments=("a b", "c"))
        lines = out.splitlines()
        for line in (f"SLURM_JOB_ID={job}", "SLURM_JOB_NAME=my job", "SLURM_JOB_NODELIST=n[1-2]", "SLURM_NNODES=2",
                     "SLURM_NTASKS=4", "SLURM_NTASKS_PER_NODE=2", "SLURM_TASKS_PER_NODE=2(x2)",
                     "SLURM_CPUS_PER_TASK=1", "SLURM_JOB_CPUS_PER_NODE=2(x2)", "SLURM_GPUS_ON_NODE=2",
                     "SLURM_MEM_PER_NODE=1024", f"SLURM_SUBMIT_DIR={self.dir}", "SLURM_PROCID=0",
                     "SLURMD_NODENAME=n1", "SECRET=swordfish", "n1", "n2", "args: a b c", str(self.dir)):
            self.assertIn(line, lines)
        # The environment is its owner's: the API and the journal do not have it.
        self.assertNotIn("swordfish", str(self.plane.get(f"/v1/jobs/{job}/story")))
        self.assertFalse([line for line in lines if line.startswith(("RANK=", "WORLD_SIZE="))])

    def test_srun_starts_ranks_on_the_nodes(self):
        _, out = self.sbatch("srun -l bash -c 'echo $SLURM_PROCID/$SLURM_NTASKS $SLURM_LOCALID $SLURM_NODEID "
                             "$SLURMD_NODENAME $MILLWRIGHT_NODE r$RANK w$WORLD_SIZE $SLURM_STEP_ID' | sort",
                             "-N 2", "--ntasks-per-node=2", "--gpus-per-node=2")
        self.assertEqual(out.splitlines(), ["0: 0/4 0 0 n1 n1 r0 w4 0", "1: 1/4 1 0 n1 n1 r1 w4 0",
                                            "2: 2/4 0 1 n2 n2 r2 w4 0", "3: 3/4 1 1 n2 n2 r3 w4 0"])

    def test_steps_share_what_the_job_has(self):
        # Three steps of one CPU each and two CPUs: the third waits until there is one.
        body = ("for i in 1 2 3; do srun -n1 -c1 bash -c 'echo + >> log; sleep 0.4; wc -l < log > /dev/null;"
                " echo - >> log' & done; wait; cat log; rm log; srun -N1 -n1 -w n2 hostname > /dev/null; echo $?")
        _, out = self.sbatch("rm -f log; " + body, "-N 2 -n 2 --gpus-per-node=1")
        running, most = 0, 0
        for line in out.splitlines():
            running += {"+": 1, "-": -1}.get(line, 0)
            most = max(most, running)
        self.assertEqual((most, out.splitlines()[-1]), (2, "0"), out)

    def test_exit_codes_are_the_scripts_own(self):
        self.sbatch("exit 7", code=7)
        self.sbatch("srun -n2 bash -c 'exit $((SLURM_PROCID + 3))'", "-n 2", code=4)
        self.assertEqual(self.run_command("srun", "bash", "-c", "echo out; echo err >&2; exit 5", code=5).stdout, "out\n")
        done = self.run_command("srun", "-n2", "-l", "bash", "-c", "echo $SLURM_PROCID; kill -TERM $$", code=143)
        self.assertEqual(sorted(done.stdout.split()), ["0", "0:", "1", "1:"])
        self.assertIn("task 0: Terminated", done.stderr)

    def test_arrays_dependencies_and_names_of_files(self):
        done = self.run_command("sbatch", "--parsable", "--array=2-6:2", "-o", "o-%A-%3a-%x.txt", "-J", "sweep",
                                "--wrap", "echo $SLURM_ARRAY_TASK_ID of $SLURM_ARRAY_TASK_COUNT $SLURM_ARRAY_JOB_ID")
        array = done.stdout.strip()
        after = self.run_command("sbatch", "--parsable", "--wait", f"--dependency=afterok:{array}",
                                 "--wrap=ls o-*; echo after").stdout.strip()
        for task in (2, 4, 6):
            self.assertEqual((self.dir / f"o-{array}-00{task}-sweep.txt").read_text(), f"{task} of 3 {array}\n")
        self.assertIn("after", (self.dir / f"slurm-{after}.out").read_text())
        rows = self.run_command("sacct", "-n", "-P", "-j", array, "-o", "jobid,jobname,state,exitcode").stdout
        self.assertEqual(rows.splitlines(), [f"{array}_{task}|sweep|COMPLETED|0:0" for task in (2, 4, 6)])

    def test_queue_hold_release_and_cancel(self):
        job = self.run_command("sbatch", "-H", "--parsable", "-J", "waits", "-t", "1:00:00", "--wrap=echo hi").stdout.strip()
        self.assertEqual(self.run_command("squeue", "-h", "-j", job, "-o", "%i|%j|%t|%l|%r").stdout,
                         f"{job}|waits|PD|01:00:00|JobHeldUser\n")
        shown = self.run_command("scontrol", "show", "job", job).stdout
        self.assertIn("JobState=PENDING Reason=JobHeldUser", shown)
        self.assertIn("echo hi", self.run_command("scontrol", "write", "batch_script", job, "-").stdout)
        self.run_command("scontrol", "release", job)
        control_plane.wait_for("it to end", lambda: self.plane.get(f"/v1/jobs/{job}")["state"] == "succeeded")
        sleeper = self.run_command("sbatch", "--parsable", "--wrap=trap 'echo got it; exit 3' USR1; sleep 60 & wait").stdout.strip()
        control_plane.wait_for("it to run", lambda: self.plane.get(f"/v1/jobs/{sleeper}")["state"] == "running")
        control_plane.wait_for("its trap", lambda: self.run_command("scancel", "-b", "-s", "USR1", sleeper, code=None).returncode == 0)
        control_plane.wait_for("it to end", lambda: self.plane.get(f"/v1/jobs/{sleeper}")["state"] in ("failed", "cancelled"))
        other = self.run_command("sbatch", "--parsable", "--wrap=sleep 60").stdout.strip()
        self.run_command("scancel", other)
        control_plane.wait_for("it to end", lambda: self.plane.get(f"/v1/jobs/{other}")["state"] == "cancelled")

    def test_an_allocation_is_given_back(self):
        done = self.run_command("salloc", "-N2", "--gpus-per-node=1", "-J", "alloc", "bash", "-c",
                                "srun bash -c 'echo $SLURMD_NODENAME' | sort; exit 9", code=9)
        self.assertEqual(done.stdout.split(), ["n1", "n2"])
        job = done.stderr.split("Granted job allocation ")[1].split()[0]
        control_plane.wait_for("its end", lambda: self.plane.get(f"/v1/jobs/{job}")["state"] == "succeeded")

    def test_steps_have_the_gpus_per_task_of_their_job(self):
        _, out = self.sbatch("srun bash -c 'echo gpu $SLURM_STEP_GPUS' | sort; srun -n1 --gpus-per-node=2 bash -c 'echo both $SLURM_STEP_GPUS'",
                             "-N 1 -n 2 --gpus-per-task=1")
        self.assertEqual([len(line.split(" ")[1].split(",")) for line in out.splitlines()], [1, 1, 2], out)
        self.assertEqual(len(set(out.splitlines())), 3, out)

    def test_labels_wait_for_no_reader(self):
        # The first step's reader sleeps on a full pipe; the second one's tasks are told of all the same.
        _, out = self.sbatch("srun --overlap -l -n1 bash -c 'yes | head -c 400000' | (sleep 3; wc -l) & sleep 0.5; "
                             "SECONDS=0; srun --overlap -l echo through; echo at $((SECONDS < 2)); wait")
        self.assertEqual(out.split("\n")[:3], ["0: through", "at 1", "200000"], out)

    def test_a_stopped_srun_stops_no_other(self):
        # What the hub has to tell of 1000 failed tasks is more than a socket holds.
        _, out = self.sbatch("srun --overlap -O -n 1000 bash -c 'until [ -e fail ]; do sleep 0.2; done; exit 3' 2> told & first=$!; "
                             "sleep 1; kill -STOP $first; touch fail; srun --overlap echo second; sleep 2; srun --overlap echo third; "
                             "kill -CONT $first; wait $first; echo $?; grep -c 'exit code 3' told; rm fail")
        self.assertEqual(out.split(), ["second", "third", "3", "1000"], out)

    def test_salloc_runs_where_it_was_told_to(self):
        done = self.run_command("salloc", "--chdir", "/tmp", "pwd")
        self.assertEqual(done.stdout.strip(), "/tmp")

    def test_a_control_plane_dies_and_the_script_goes_on(self):
        body = "srun bash -c 'until [ -e go ]; do sleep 0.05; done; echo rank $SLURM_PROCID'; squeue -h -j $SLURM_JOB_ID -o %T"
        (self.dir / "go").unlink(missing_ok=True)
        job = self.run_command("sbatch", "--parsable", self.script(body, "-N2", "--gpus-per-node=1")).stdout.strip()
        control_plane.wait_for("it to run", lambda: self.plane.get(f"/v1/jobs/{job}")["state"] == "running")
        self.plane.kill()
        self.plane.start()
        (self.dir / "go").touch()
        control_plane.wait_for("it to end", lambda: self.plane.get(f"/v1/jobs/{job}")["state"] == "succeeded")
        self.assertEqual(sorted((self.dir / f"slurm-{job}.out").read_text().split()), ["0", "1", "RUNNING", "rank", "rank"])
        self.assertEqual(self.plane.get(f"/v1/jobs/{job}")["attempts"], 1)

    def test_secrets_of_srun_are_in_no_list(self):
        done = self.run_command("srun", "--export=ALL,KEY=opensesame", "bash", "-c",
                                "echo $KEY; sleep 0.2")
        self.assertEqual(done.stdout.splitlines()[0], "opensesame")
        newest = self.plane.get("/v1/jobs")["jobs"][0]["id"]
        self.assertNotIn("opensesame", str(self.plane.get(f"/v1/jobs/{newest}")))
        self.assertNotIn("opensesame", str(self.plane.get(f"/v1/jobs/{newest}/story")))
        secret = self.run_command("sbatch", "--parsable", "--wait", self.script("echo $1"), "--token=opensesame")
        self.assertNotIn("opensesame", str(self.plane.get(f"/v1/jobs/{secret.stdout.strip()}")))

    def test_files_are_as_private_as_their_owners(self):
        before = os.umask(0o077)
        try:
            job, _ = self.sbatch("umask; srun bash -c 'umask > inner; echo x > own'; srun -o shared.%t -n2 hostname",
                                 "-n 2")
        finally:
            os.umask(before)
        self.assertEqual((self.dir / f"slurm-{job}.out").read_text().split()[0], "0077")
        for name in (f"slurm-{job}.out", "own", "inner", "shared.0", "shared.1"):
            self.assertEqual((self.dir / name).stat().st_mode & 0o777, 0o600, name)

    def test_tasks_share_a_file_without_losing_lines(self):
        _, _ = self.sbatch("srun -n4 -o node.%N bash -c 'echo $SLURM_PROCID'", "-N 2 --ntasks-per-node=2 --gpus-per-node=1")
        lines = [line for name in ("n1", "n2") for line in (self.dir / f"node.{name}").read_text().split()]
        self.assertEqual(sorted(lines), ["0", "1", "2", "3"])

    def test_many_steps_and_many_tasks(self):
        _, out = self.sbatch("ulimit -n; srun -O -n 300 bash -c 'echo x' | wc -l; "
                             "for i in $(seq 40); do srun --overlap -n1 true & done; wait; echo all", "-N 1")
        self.assertEqual(out.split()[1:], ["300", "all"], out)

    def test_a_step_that_waits_can_be_interrupted(self):
        _, out = self.sbatch("srun sleep 30 & first=$!; sleep 0.5; timeout -s TERM 1 srun true; echo code $?; "
                             "kill -TERM $first; wait $first; echo first $?")
        self.assertIn("code 124", out)
        self.assertIn("first 143", out)

    def test_nobody_runs_as_somebody_else(self):
        token = self.plane.mw("token", "games").stdout.strip()
        job = json.dumps({"name": "theirs", "command": ["id", "-un"]}).encode()
        with self.assertRaisesRegex(control_plane.Refused, "HTTP 403.*run here as user .*, so those of user games"):
            self.plane.request("POST", "/v1/jobs?workdir=/tmp", job, {"Authorization": "Bearer " + token})
        self.assertEqual(self.sbatch("id -un")[1], pwd.getpwuid(os.geteuid()).pw_name + "\n")

    def test_history_says_where_and_how_long_each_run_was(self):
        job = self.run_command("sbatch", "--parsable", "-N2", "--gpus-per-node=1",
                               "--wrap=sleep ${SLURM_RESTART_COUNT:-60}").stdout.strip()
        running = lambda: self.plane.get(f"/v1/jobs/{job}")  # noqa: E731
        control_plane.wait_for("it to run", lambda: running()["state"] == "running")
        self.plane.post(f"/v1/jobs/{job}/requeue")
        control_plane.wait_for("it to end", lambda: running()["state"] == "succeeded")
        rows = self.run_command("sacct", "-n", "-P", "-j", job, "-o", "jobid,state,nnodes,nodelist,elapsedraw").stdout
        self.assertRegex(rows, rf"^{job}\|COMPLETED\|2\|n\[1-2\]\|[1-9]\n$")
        rows = self.run_command("sacct", "-n", "-P", "-D", "-j", job, "-o", "state,nodelist,start,end").stdout.splitlines()
        self.assertEqual([row.split("|")[:2] for row in rows], [["REQUEUED", "n[1-2]"], ["COMPLETED", "n[1-2]"]])
        first, last = (row.split("|")[2:] for row in rows)
        self.assertLessEqual(first[1], last[0], "no run begins before the one before it has ended")
        self.assertIn(job, self.run_command("sacct", "-n", "-P", "-a", "-N", "n2", "-o", "jobid").stdout.split())
        self.assertEqual(self.run_command("sacct", "-n", "-P", "-a", "-N", "n9", "-o", "jobid").stdout, "")
        self.assertEqual(self.run_command("sacct", "-n", "-P", "-D", "-s", "REQUEUED", "-j", job, "-o", "jobid").stdout, f"{job}\n")

    def test_steps_have_what_the_script_was_given(self):
        _, out = self.sbatch("echo $SLURM_DISTRIBUTION; srun -l bash -c 'echo $SLURMD_NODENAME' | sort",
                             "-N 2 -n 4 -m cyclic --gpus-per-node=1")
        self.assertEqual(out.splitlines(), ["cyclic", "0: n1", "1: n2", "2: n1", "3: n2"])
        _, out = self.sbatch("echo $SLURM_OVERCOMMIT $SLURM_CPUS_ON_NODE; srun -l true; echo $?", "-N 1 -n 4 -O")
        self.assertEqual(out.splitlines(), ["1 1", "0"])

    def test_a_signal_reaches_the_script_its_steps_or_both(self):
        body = ("trap 'echo script >>got' USR1\nrm -f got ready\n"
                "srun bash -c 'trap \"echo step >>got\" USR1; touch ready; while :; do sleep 0.1; done' & "
                "while :; do wait; done")
        for options, wanted in ((["-b"], {"script"}), ([], {"step"}), (["-f"], {"script", "step"})):
            job = self.run_command("sbatch", "--parsable", self.script(body)).stdout.strip()
            control_plane.wait_for("its step", (self.dir / "ready").exists)
            self.run_command("scancel", *options, "-s", "USR1", job)
            got = lambda: set((self.dir / "got").read_text().split()) if (self.dir / "got").exists() else set()  # noqa: E731
            control_plane.wait_for(f"{wanted} to get it", lambda: got() == wanted)
            self.run_command("scancel", job)
            control_plane.wait_for("it to end", lambda: self.plane.get(f"/v1/jobs/{job}")["state"] == "cancelled")
            self.assertEqual(got(), wanted)
            (self.dir / "ready").unlink()

    def test_states_of_nodes_are_taken_as_people_write_them(self):
        for states in ("IDLE", "idle,MIX", "all"):
            rows = self.run_command("sinfo", "-h", "-p", "all", "-t", states, "-o", "%N").stdout
            self.assertEqual(sorted(rows.split()), ["c1", "n[1-2]"])
        self.assertEqual(self.run_command("sinfo", "-h", "-t", "DRAIN,reboot_issued", "-o", "%N").stdout, "")
        self.assertIn("invalid node state specified: \"idel\"", self.run_command("sinfo", "-t", "idel", code=1).stderr)
        header = self.run_command("sinfo", "-N", "-l").stdout.splitlines()[0]
        self.assertEqual(header.split(), ["NODELIST", "NODES", "PARTITION", "STATE", "CPUS", "MEMORY", "GRES",
                                          "AVAIL_FEATURES", "REASON"])
        self.assertIn("STATE", self.run_command("sinfo", "-R", "-l").stdout)

    def test_what_a_step_cannot_have_is_said(self):
        _, out = self.sbatch("srun --time=5 true; srun --begin=now+1hour true; echo $?; srun -o 0 true; echo $?")
        self.assertIn("--time has no effect", out)
        self.assertIn("--begin is not supported for a step", out)
        self.assertIn("one task alone", out)

    def test_srun_alone_takes_a_file_as_its_input(self):
        (self.dir / "words").write_text("a b\n")
        with open(self.dir / "words", encoding="utf-8") as words:
            done = subprocess.run([self.bin / "srun", "-D", str(self.dir), "-o", "counted", "cat"], cwd=self.dir,
                                  env=self.environment, stdin=words, capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual((done.returncode, (self.dir / "counted").read_text()), (0, "a b\n"), done.stderr)

    def test_unknown_jobs_do_not_hide_others(self):
        job = self.run_command("sbatch", "-H", "--parsable", "--wrap=true").stdout.strip()
        done = self.run_command("squeue", "-h", "-j", f"999999,{job}", "-o", "%i", code=1)
        self.assertEqual(done.stdout.strip(), job)
        self.assertIn(f"JobId={job}", self.run_command("scontrol", "show", "job", f"999999,{job}", code=1).stdout)
        self.run_command("scancel", job)
        self.run_command("sacct", "-S", "now-7days")

    def test_the_folder_of_another_control_plane_stays(self):
        job = self.run_command("sbatch", "--parsable", "--wait", "--wrap=true").stdout.strip()
        foreign = self.plane.home / "slurm" / "of-another"
        foreign.mkdir(mode=0o700)
        (foreign / "jobs").write_text(f"{job} 1\n")
        os.utime(foreign / "jobs", (1, 1))
        for _ in range(2):
            self.run_command("sbatch", "--wait", "--wrap=true")
        self.assertTrue(foreign.exists())
        self.assertGreater((foreign / "jobs").stat().st_mtime, 1)  # it was looked at
        shutil.rmtree(foreign)

    def test_a_lost_answer_loses_no_job(self):
        plane = urllib.parse.urlsplit((self.plane.home / "endpoint").read_text().strip())
        lost = []

        def relay(client):
            with client, socket.create_connection((plane.hostname, plane.port)) as server:
                while True:
                    for ready in select.select([client, server], [], [])[0]:
                        data = ready.recv(1 << 20)
                        if not data:
                            return
                        if ready is client:
                            taken = data.startswith(b"POST /v1/jobs") and not lost
                            server.sendall(data)
                            if taken:
                                lost.append(server.recv(1 << 20))
                                return
                        else:
                            client.sendall(data)

        def accept(listener):
            with contextlib.suppress(OSError):
                while True:
                    threading.Thread(target=relay, args=(listener.accept()[0],), daemon=True).start()

        with socket.create_server(("127.0.0.1", 0)) as listener:
            threading.Thread(target=accept, args=(listener,), daemon=True).start()
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            job = self.run_command("sbatch", "--parsable", "--wait", "--wrap=echo once", environment={"MILLWRIGHT_URL": url}).stdout.strip()
            listener.shutdown(socket.SHUT_RDWR)
        self.assertIn(f'"job":{job}'.encode(), lost[0].replace(b" ", b""))
        self.assertEqual((self.dir / f"slurm-{job}.out").read_text(), "once\n")

    def test_folders_of_ended_jobs_go(self):
        def spooled():
            return {path.name for path in (self.plane.home / "slurm").iterdir()}

        job = self.run_command("sbatch", "--parsable", "--wait", "--array=0-2", "--wrap=true").stdout.strip()
        control_plane.wait_for("its end", lambda: self.plane.get(f"/v1/jobs/{int(job) + 2}")["state"] == "succeeded")
        for _ in range(30):  # a submit looks at a few of the oldest
            self.run_command("sbatch", "--wait", "--wrap=true")
            if len(spooled()) <= 1:
                break
        self.assertLessEqual(len(spooled()), 1)
        for path in [self.plane.home / "slurm", *(self.plane.home / "slurm").glob("*"),
                     *(self.plane.home / "slurm").glob("*/environment")]:
            self.assertEqual(path.stat().st_mode & 0o077, 0, path)

    def test_what_is_not_supported_is_refused_by_name(self):
        for option, said in (("--licenses=x", "--licenses"), ("--array=0-9%2", "%2"), ("--nodelist=n1", "--nodelist"),
                             ("--dependency=singleton", "singleton"), ("--gres=shard:1", "shard"),
                             ("--partition=nope", "nope"), ("--gres=gpu:a100:1", "a100"), ("--tmp=1G", "--tmp"),
                             ("--nodes=1-2", "--nodes"), ("--constraint=a&b", "--constraint"), ("--frobnicate", "frobnicate")):
            done = self.run_command("sbatch", option, "--wrap=true", code=1)
            self.assertIn(said, done.stderr)
            self.assertEqual(done.stdout, "")
        done = self.run_command("sbatch", "--wait", "--mail-type=END", "--wrap=true")
        self.assertIn("--mail-type has no effect", done.stderr)
        self.assertIn("#!", self.run_command("sbatch", text="echo no interpreter\n", code=1).stderr)

    def test_an_unchanged_training_script_trains(self):
        cache = self.dir / "cache"
        body = f"srun /usr/bin/python3 {ROOT}/examples/charlm/train.py --steps 4 --checkpoint-every 2 --report-every 1"
        job, out = self.sbatch(body, "-p cpu", "--nodes=1 --ntasks=2", "--cpus-per-task=1", "--time=10",
                               environment={"XDG_CACHE_HOME": str(cache), "OMP_NUM_THREADS": "1"})
        self.assertIn("step 4/4", out)
        self.assertEqual(self.plane.get(f"/v1/jobs/{job}")["progress"]["step"], 4)


if __name__ == "__main__":
    unittest.main()
