"""Tells Millwright how a training job is doing. One file, standard library only: copy it anywhere.

    import millwright
    resumed = millwright.resume()                     # None, or (path, step) to continue from
    for step in ...:
        millwright.report(step=step, steps_total=300, loss=loss, rate=tokens_per_s, unit="tokens")
        if step % 100 == 0:
            millwright.checkpoint_begin()
            save(path)
            millwright.checkpoint_saved(path, step)

What holds: no call blocks training or raises into it. A background thread sends; of progress only
the newest is kept and at most one report a second leaves, while checkpoints are sent at once, in
order, and again until the control plane answers (it may be restarting). What is still unsent when
the program ends is sent then, for at most two seconds. Outside a Millwright job nothing happens.
With the environment variable MILLWRIGHT_DEBUG set, failures are told on standard error.
"""

import atexit
import collections
import http.client
import json
import math
import os
import statistics
import sys
import threading
import time
import urllib.parse

__all__ = ["report", "step_time", "checkpoint_begin", "checkpoint_saved", "checkpoint_wanted",
           "checkpoint_interval", "attempt", "fault", "resume", "rank", "world_size", "flush", "close"]

REPORT_INTERVAL_S = 1.0   # between two progress reports; a person reads no faster
REQUEST_TIMEOUT_S = 2.0   # the control plane is on this machine or this network: it answers in ms
RETRY_DELAY_S = 0.25      # first pause after a failure; doubles up to the next line
RETRY_DELAY_MAX_S = 5.0
STEP_TIMES = 25           # of so many steps the median is told: two such rounds find a slow rank
CLOSE_TIMEOUT_S = 2.0     # how long the program's end may wait for the last report


def report(step=None, steps_total=None, loss=None, samples=None, rate=None, unit=None):
    """Says how far the job is. Anything left out keeps its last reported value.

    step, steps_total: done, and in all. samples: consumed so far. rate: in `unit` (for example
    "tokens") per second. What makes no sense (a loss that is not finite, a negative step) is left
    out; of a loss that is not a number the control plane is told as a fault.
    """
    progress = {}
    for name, value, convert in (("step", step, int), ("steps_total", steps_total, int),
                                 ("samples", samples, int), ("loss", loss, float),
                                 ("rate", rate, float), ("unit", unit, str)):
        try:
            if value is not None:
                progress[name] = convert(value)
        except (TypeError, ValueError, OverflowError) as problem:
            _debug(f"report: {name}={value!r} is left out: {problem}")
    if math.isnan(progress.get("loss", 0.0)):
        fault("job.nan_loss", "" if step is None else f"at step {step}")
    # JSON has no NaN and no infinity, and there is no step before 0.
    progress = {name: value for name, value in progress.items()
                if name == "unit" or (math.isfinite(value) and (name == "loss" or value >= 0))}
    if progress:
        _sender().add_progress(progress)


def step_time(seconds):
    """How long this rank's own work of one step took. Every rank calls it, once a step.

    Leave out the time in which it waits for others (collectives, the data loader's barrier): in
    step with each other all ranks take equally long, and only what each does by itself tells them
    apart. The median of every 25 is sent; slow ranks are found by comparing them.
    """
    try:
        seconds = float(seconds)
    except (TypeError, ValueError) as problem:
        _debug(f"step_time({seconds!r}) is left out: {problem}")
        return
    if not math.isfinite(seconds) or seconds <= 0:
        return
    with _step_times_lock:
        _step_times.append(seconds)
        if len(_step_times) < STEP_TIMES:
            return
        median = statistics.median(_step_times)
        _step_times.clear()
    _sender().add_progress({"step_time_s": median})


def checkpoint_begin():
    """From now until checkpoint_saved() the job's time is accounted as checkpointing."""
    _sender().add({"checkpointing": True})


def checkpoint_saved(path, step):
    """The state after `step` steps is safe at `path`; a restart is handed this path.

    Call it when the file is complete and flushed: work after it is what a failure can lose.
    """
    try:
        checkpoint = {"path": os.path.abspath(os.fspath(path)), "step": int(step)}
    except (TypeError, ValueError, OSError) as problem:
        _debug(f"checkpoint_saved({path!r}, {step!r}) is left out: {problem}")
        return
    _sender().add({"checkpoint": checkpoint})


def checkpoint_wanted():
    """True: save now. The job has to leave a node, and starts again elsewhere from what it saves.

    It is told by the answers to reports, so it is as old as the last of them.
    """
    return _sender().checkpoint_wanted()


def checkpoint_within(default=None):
    """Seconds that are left to save what checkpoint_wanted() asks for; after that the job is stopped.

    `default` when nothing is wanted, or the job may take its time.
    """
    deadline = _sender().checkpoint_deadline()
    return default if deadline is None else max(0.0, deadline - time.monotonic())


def checkpoint_interval(default=None):
    """Seconds of work between two checkpoints that would lose the least time; `default` until the
    control plane knows it.

    It follows from how long this job's checkpoints take (so tell checkpoint_begin()) and how often
    nodes fail. As old as the last answer to a report.
    """
    interval = _sender().checkpoint_interval()
    return default if interval is None else interval


def attempt():
    """The number of the attempt that this rank is part of.

    It grows while the rank runs when others were replaced and this one was kept (restart.in_place):
    then form the group anew. As old as the last answer to a report.
    """
    return _sender().attempt() or _environment_int(("MILLWRIGHT_ATTEMPT",), 1)


def fault(code, detail=""):
    """Tells that something is wrong with this rank: "job.nan_loss", "job.slow_rank", or any code that
    begins with "job."; what is done about it is the fault policy's to say."""
    _sender().add({"fault": {"code": str(code), "detail": str(detail)[:500]}})


def resume():
    """(path, step) of the checkpoint to continue from, or None at the beginning."""
    path = os.environ.get("MILLWRIGHT_CHECKPOINT_PATH", "")
    return (path, _environment_int(("MILLWRIGHT_CHECKPOINT_STEP",), 0)) if path else None


def rank():
    """Which task of the job this is; the first is 0."""
    return _environment_int(("MILLWRIGHT_RANK", "RANK"), 0)


def world_size():
    """How many tasks the job has."""
    return _environment_int(("MILLWRIGHT_TASKS", "WORLD_SIZE"), 1)


def flush(timeout_s=CLOSE_TIMEOUT_S):
    """Waits until everything said so far was taken; False when it was not in time, or refused.

    After True, a restart is handed the last saved checkpoint: older ones may be deleted.
    """
    return _sender().flush(timeout_s)


def close():
    """Sends what is left and stops the background thread. Done by itself when the program ends."""
    global _current
    with _current_lock:
        sender, _current = _current, None
    if sender is not None:
        sender.close(CLOSE_TIMEOUT_S)


# --- sending ----------------------------------------------------------------------------------

class _Sender:
    """A queue of messages and the thread that empties it."""

    def __init__(self, url, endpoint_file, token):
        self._url = url
        self._endpoint_file = endpoint_file
        self._token = token
        self._queue = collections.deque()   # not yet taken; while _in_flight the first is on its way
        self._in_flight = False
        self._flushing = 0                  # callers of flush() that wait
        self._closing = False
        self._refused = False               # for good: this attempt is over or the token is wrong
        self._checkpoint_lost = False       # the last checkpoint was answered with a refusal
        self._checkpoint_wanted = False     # by the last answer
        self._checkpoint_deadline = None    # likewise; of time.monotonic()
        self._checkpoint_interval = None    # likewise, in seconds
        self._attempt = None                # likewise
        self._progress_sent_at = -math.inf
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="millwright", daemon=True)
        self._thread.start()

    def add_progress(self, progress):
        with self._changed:
            # Newer progress replaces what has not left yet, unless a checkpoint stands between.
            waiting = len(self._queue) - self._in_flight
            if waiting > 0 and _is_progress(self._queue[-1]):
                self._queue[-1].update(progress)
            else:
                self._append(progress)

    def add(self, message):
        with self._changed:
            if "fault" in message and message in self._queue:
                return   # it waits to be told already
            if "checkpoint" in message:
                # While the control plane is away only the newest checkpoint matters, with its own
                # beginning if that is what was said last.
                head = [self._queue.popleft()] if self._in_flight else []
                own = list(self._queue)[-1:]
                kept = [m for m in self._queue
                        if _is_progress(m) or (own and m is own[0] and "checkpointing" in m)]
                self._queue = collections.deque(head + kept)
            self._append(message)

    def _append(self, message):
        if not self._refused:
            self._queue.append(message)
            self._changed.notify_all()

    def flush(self, timeout_s):
        with self._changed:
            self._flushing += 1
            self._changed.notify_all()
            done = self._changed.wait_for(lambda: not self._queue, timeout_s)
            self._flushing -= 1
            return done and not self._refused and not self._checkpoint_lost

    def checkpoint_wanted(self):
        with self._changed:
            return self._checkpoint_wanted

    def checkpoint_deadline(self):
        with self._changed:
            return self._checkpoint_deadline

    def checkpoint_interval(self):
        with self._changed:
            return self._checkpoint_interval

    def attempt(self):
        with self._changed:
            return self._attempt

    def close(self, timeout_s):
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(timeout_s)

    def _run(self):
        delay = RETRY_DELAY_S
        while True:
            message = self._next()
            if message is None:
                return
            outcome = self._send(message)
            with self._changed:
                self._in_flight = False
                if outcome == "retry":
                    self._pause(delay)
                    delay = min(delay * 2, RETRY_DELAY_MAX_S)
                    continue
                delay = RETRY_DELAY_S
                self._queue.popleft()
                if _is_progress(message):
                    self._progress_sent_at = time.monotonic()
                elif "checkpoint" in message:
                    self._checkpoint_lost = outcome != "taken"
                if outcome == "stop":
                    self._refused = True
                    self._queue.clear()
                self._changed.notify_all()

    def _pause(self, delay):
        """Between two tries. While the program ends they come quickly: close() bounds them all."""
        until = time.monotonic() + delay
        while time.monotonic() < until and not self._closing:
            self._changed.wait(until - time.monotonic())
        if self._closing:
            self._changed.wait(min(delay, RETRY_DELAY_S))

    def _next(self):
        """The message to send now; None when there will be none."""
        with self._changed:
            while True:
                if self._queue:
                    first = self._queue[0]
                    due = self._progress_sent_at + REPORT_INTERVAL_S
                    wait = due - time.monotonic()
                    hurry = self._closing or self._flushing or len(self._queue) > 1
                    if not _is_progress(first) or hurry or wait <= 0:
                        self._in_flight = True
                        return dict(first)
                    self._changed.wait(wait)
                elif self._closing:
                    return None
                else:
                    self._changed.wait()

    def _send(self, message):
        """"taken", "dropped", "retry", or "stop": nothing sent later would be taken either."""
        body = json.dumps({"rank": rank(), **message}).encode()
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        try:
            where = urllib.parse.urlsplit(self._url)
            connection = http.client.HTTPConnection(where.hostname or "", where.port or 80,
                                                    timeout=REQUEST_TIMEOUT_S)
            try:
                connection.request("POST", "/v1/report", body, headers)
                response = connection.getresponse()
                status, text = response.status, response.read(4096)
            finally:
                connection.close()
        except (OSError, ValueError, http.client.HTTPException) as problem:
            _debug(f"{self._url}: {problem}")
            self._look_up_endpoint()
            return "retry"
        if status < 300:
            self._hear(text)
            return "taken"
        _debug(f"{self._url}: {status} {text.decode(errors='replace')}")
        if status in (401, 403, 409):
            return "stop"   # an attempt that is no longer the current one
        return "retry" if status >= 500 or status == 429 else "dropped"

    def _hear(self, text):
        """An older control plane answers less."""
        try:
            answer = json.loads(text)
        except ValueError:
            return
        if not isinstance(answer, dict):
            answer = {}
        interval = _seconds(answer.get("checkpoint_interval_s"))
        within = _seconds(answer.get("checkpoint_within_s"))
        with self._changed:
            self._checkpoint_wanted = answer.get("checkpoint_wanted") is True
            self._checkpoint_deadline = None if within is None else time.monotonic() + within
            self._checkpoint_interval = interval or None
            number = answer.get("attempt")
            self._attempt = number if isinstance(number, int) and number > 0 else None

    def _look_up_endpoint(self):
        """The control plane may have come back elsewhere: its endpoint file says where."""
        try:
            with open(self._endpoint_file, encoding="utf-8") as file:
                url = file.readline().strip()
        except (OSError, ValueError):
            return
        if url:
            self._url = url


class _Silent:
    """Outside a Millwright job."""

    def add_progress(self, progress):
        pass

    def add(self, message):
        pass

    def flush(self, timeout_s):
        return True

    def checkpoint_wanted(self):
        return False

    def checkpoint_deadline(self):
        return None

    def checkpoint_interval(self):
        return None

    def attempt(self):
        return None

    def close(self, timeout_s):
        pass


def _is_progress(message):
    return not {"checkpoint", "checkpointing", "fault"} & message.keys()


def _seconds(value):
    """A time that an answer gives; None when it gives none."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if number and math.isfinite(value) and value >= 0 else None


_step_times = []
_step_times_lock = threading.Lock()
_current = None
_current_lock = threading.Lock()


def _sender():
    global _current
    with _current_lock:
        if _current is None:
            url = os.environ.get("MILLWRIGHT_URL", "")
            token = os.environ.get("MILLWRIGHT_TOKEN", "")
            endpoint_file = os.environ.get("MILLWRIGHT_ENDPOINT_FILE", "")
            _current = _Sender(url, endpoint_file, token) if url and token else _Silent()
        return _current


def _after_fork_in_child():
    # The thread stayed in the parent, and so does what it had to send.
    global _current, _current_lock
    _current, _current_lock = None, threading.Lock()


def _environment_int(names, default):
    for name in names:
        try:
            return int(os.environ[name])
        except (KeyError, ValueError):
            continue
    return default


def _debug(text):
    if os.environ.get("MILLWRIGHT_DEBUG"):
        print(f"millwright: {text}", file=sys.stderr, flush=True)


atexit.register(close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
