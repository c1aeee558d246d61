#!/usr/bin/python3
"""Trains a small character-level transformer on the licences that every Debian machine carries,
with PyTorch's DistributedDataParallel over gloo: a real training job, small enough for two cores.

It shows what a job needs to live well under Millwright: it starts from the environment that
torchrun would give it, reports progress, saves checkpoints atomically, continues from the one it
is handed, and on SIGTERM saves once more and leaves with 143. Batches depend on the seed and the
step alone, so an interrupted run ends with the same model as an uninterrupted one.

Checkpoints go to $CHECKPOINT_DIR, or else to a folder of this job below
${XDG_CACHE_HOME:-~/.cache}/millwright-charlm; older ones go once Millwright knows the newest.
"""

import argparse
import hashlib
import math
import os
import pathlib
import signal
import string
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "clients" / "python"))
import millwright  # noqa: E402

import torch  # noqa: E402
import torch.distributed as dist  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402
from torch.nn.parallel import DistributedDataParallel  # noqa: E402

ALPHABET = "\n" + "".join(c for c in string.printable if c.isprintable())
CONTEXT = 64      # characters that the model sees
WIDTH = 96        # of the residual stream
HEADS = 4
LAYERS = 3
BATCH = 24        # sequences a rank and step


def read_text(folder):
    """All regular files of `folder` as indices into ALPHABET; what it lacks becomes a space."""
    index = {character: i for i, character in enumerate(ALPHABET)}
    files = sorted(p for p in folder.iterdir() if p.is_file() and not p.is_symlink())
    text = "".join(p.read_text(encoding="utf-8", errors="replace") for p in files)
    if len(text) < 100 * CONTEXT:
        sys.exit(f"train.py: {folder} has {len(text)} characters of text; at least {100 * CONTEXT} "
                 "are needed (--text names another folder)")
    return torch.tensor([index.get(c, index[" "]) for c in text], dtype=torch.long)


class Block(nn.Module):
    """Attention and a small network, each added to what came in."""

    def __init__(self):
        super().__init__()
        self.before_attention = nn.LayerNorm(WIDTH)
        self.query_key_value = nn.Linear(WIDTH, 3 * WIDTH)
        self.attended = nn.Linear(WIDTH, WIDTH)
        self.before_network = nn.LayerNorm(WIDTH)
        self.network = nn.Sequential(nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(),
                                     nn.Linear(4 * WIDTH, WIDTH))
        # Added to the scores: nothing may look ahead. (As numbers: gloo cannot share booleans.)
        self.register_buffer("future", torch.full((CONTEXT, CONTEXT), -math.inf).triu(1),
                             persistent=False)

    def forward(self, x):
        batch, length, _ = x.shape
        q, k, v = (part.view(batch, length, HEADS, -1).transpose(1, 2) for part in
                   self.query_key_value(self.before_attention(x)).chunk(3, dim=2))
        scores = q @ k.transpose(2, 3) / math.sqrt(WIDTH // HEADS)
        weights = (scores + self.future[:length, :length]).softmax(dim=3)
        x = x + self.attended((weights @ v).transpose(1, 2).reshape(batch, length, WIDTH))
        return x + self.network(self.before_network(x))


class CharacterModel(nn.Module):
    """Scores of the next character at each position."""

    def __init__(self):
        super().__init__()
        self.character = nn.Embedding(len(ALPHABET), WIDTH)
        self.position = nn.Embedding(CONTEXT, WIDTH)
        self.blocks = nn.Sequential(*(Block() for _ in range(LAYERS)))
        self.norm = nn.LayerNorm(WIDTH)
        self.out = nn.Linear(WIDTH, len(ALPHABET))
        for module in self.modules():
            if isinstance(module, (nn.Linear, nn.Embedding)):
                nn.init.normal_(module.weight, std=0.02)

    def forward(self, characters):
        positions = torch.arange(characters.shape[1])
        x = self.character(characters) + self.position(positions)
        return self.out(self.norm(self.blocks(x)))


def batch_at(text, seed, step, rank):
    """The inputs and targets of one rank at one step: always the same for the same arguments."""
    generator = torch.Generator().manual_seed((seed * 1_000_003 + step) * 1_009 + rank)
    starts = torch.randint(len(text) - CONTEXT - 1, (BATCH,), generator=generator)
    windows = torch.stack([text[start:start + CONTEXT + 1] for start in starts])
    return windows[:, :-1], windows[:, 1:]


def rate_at(step, steps):
    """Learning rate: a short rise, then a cosine down to a tenth."""
    peak, warmup = 3e-3, 20
    if step < warmup:
        return peak * (step + 1) / warmup
    done = (step - warmup) / max(1, steps - warmup)
    return peak * (0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * min(1.0, done))))


FIRST_INTERVAL_S = 20.0   # until the control plane has seen how long a checkpoint takes


class Checkpoints:
    """Files of this job, complete or not there at all."""

    def __init__(self):
        folder = os.environ.get("CHECKPOINT_DIR")
        if folder is None:
            # Two control planes count their jobs from 1 each: the endpoint tells them apart.
            cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
            plane = hashlib.sha256(os.environ.get("MILLWRIGHT_ENDPOINT_FILE", "").encode())
            job = os.environ.get("MILLWRIGHT_JOB_ID", "none")
            folder = os.path.join(cache, "millwright-charlm", f"{plane.hexdigest()[:8]}-job-{job}")
        self.folder = pathlib.Path(folder)
        self.saved_at = time.monotonic()   # or when the work began
        self.saved_as_asked = False

    def is_due(self, step, every):
        # The job has to leave a node, and is moved as soon as it has saved.
        if millwright.checkpoint_wanted() and not self.saved_as_asked:
            within = millwright.checkpoint_within()
            print("asked to save" + ("" if within is None else f" within {within:.0f} s"), flush=True)
            self.saved_as_asked = True
            return True
        if every != "best":
            return step % every == 0
        worked = time.monotonic() - self.saved_at
        return worked >= millwright.checkpoint_interval(default=FIRST_INTERVAL_S)

    def save(self, step, model, optimizer):
        millwright.checkpoint_begin()
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self.folder / f"step-{step:06d}.pt"
        unfinished = path.with_suffix(".unfinished")
        with open(unfinished, "wb") as file:
            torch.save({"step": step, "model": model.state_dict(),
                        "optimizer": optimizer.state_dict()["state"]}, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
        millwright.checkpoint_saved(path, step)
        # Only once the control plane has taken the newest will it never hand out an older one.
        if millwright.flush(timeout_s=1.0):
            for old in self.folder.glob("step-*.pt"):
                if old != path:
                    old.unlink(missing_ok=True)
        print(f"checkpoint of step {step}: {path}", flush=True)
        self.saved_at = time.monotonic()


@torch.no_grad()
def sample(model, seed, prompt, length):
    """`length` characters that the model puts after `prompt`."""
    generator = torch.Generator().manual_seed(seed)
    characters = torch.tensor([[ALPHABET.index(c) for c in prompt]])
    for _ in range(length):
        scores = model(characters[:, -CONTEXT:])[:, -1] / 0.6   # below 1: more of the likely
        following = torch.multinomial(scores.softmax(dim=1), 1, generator=generator)
        characters = torch.cat([characters, following], dim=1)
    return "".join(ALPHABET[i] for i in characters[0])


def steps_or_best(text):
    return text if text == "best" else int(text)


def parse_arguments():
    parser = argparse.ArgumentParser(description="Train a character-level transformer.")
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--checkpoint-every", type=steps_or_best, default=100, metavar="STEPS",
                        help="or best: as often as the control plane says loses the least time")
    parser.add_argument("--report-every", type=int, default=5, metavar="STEPS")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--text", type=pathlib.Path, metavar="FOLDER",
                        default=pathlib.Path("/usr/share/common-licenses"))
    return parser.parse_args()


def train(arguments, stop):
    """Trains to the last step, or until `stop` has something in it on any rank."""
    rank, world = dist.get_rank(), dist.get_world_size()
    text = read_text(arguments.text)
    torch.manual_seed(arguments.seed)
    model = CharacterModel()
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate_at(0, arguments.steps))
    checkpoints = Checkpoints()

    first_step = 0
    resumed = millwright.resume()
    if resumed is not None:
        # weights_only: tensors and integers, so that a file cannot run code.
        saved = torch.load(resumed[0], map_location="cpu", weights_only=True)
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict({"state": saved["optimizer"],
                                   "param_groups": optimizer.state_dict()["param_groups"]})
        first_step = saved["step"]
    parallel = DistributedDataParallel(model)
    if rank == 0:
        print(f"{sum(p.numel() for p in model.parameters()):,} parameters, {len(text):,} "
              f"characters, {world} ranks; from step {first_step} to {arguments.steps}", flush=True)

    tokens_a_step = BATCH * CONTEXT * world
    interval_began, interval_steps, loss_first = time.monotonic(), 0, None
    for step in range(first_step, arguments.steps):
        for group in optimizer.param_groups:
            group["lr"] = rate_at(step, arguments.steps)
        inputs, targets = batch_at(text, arguments.seed, step, rank)
        optimizer.zero_grad()
        loss = functional.cross_entropy(parallel(inputs).flatten(0, 1), targets.flatten())
        loss.backward()
        nn.utils.clip_grad_norm_(parallel.parameters(), 1.0)
        optimizer.step()

        # The ranks agree on the loss, and on stopping: they leave after the same step, or one
        # would wait for the other for ever.
        shared = torch.tensor([loss.item() / world, float(bool(stop))])
        dist.all_reduce(shared)
        mean_loss, stopping = shared[0].item(), shared[1].item() > 0
        loss_first = mean_loss if loss_first is None else loss_first

        done, interval_steps = step + 1, interval_steps + 1
        if rank == 0:
            if done % arguments.report_every == 0 or done == arguments.steps or stopping:
                now = time.monotonic()
                rate = interval_steps * tokens_a_step / max(now - interval_began, 1e-9)
                interval_began, interval_steps = now, 0
                millwright.report(step=done, steps_total=arguments.steps, loss=mean_loss,
                                  samples=done * BATCH * world, rate=rate, unit="tokens")
                print(f"step {done}/{arguments.steps}  loss {mean_loss:.4f}  "
                      f"{rate:,.0f} tokens/s", flush=True)
            if checkpoints.is_due(done, arguments.checkpoint_every) \
                    or done == arguments.steps or stopping:
                checkpoints.save(done, model, optimizer)
        if stopping and done < arguments.steps:
            if rank == 0:
                print(f"told to stop: leaving after step {done}", flush=True)
            return 128 + signal.SIGTERM

    if rank == 0 and loss_first is not None:
        print(f"loss fell from {loss_first:.2f} to {mean_loss:.2f}; the model now writes:\n")
        print(sample(model.eval(), arguments.seed, "This License ", 200), flush=True)
    return 0


def main():
    arguments = parse_arguments()
    stop = []
    signal.signal(signal.SIGTERM, lambda number, frame: stop.append(number))
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    dist.init_process_group("gloo")   # RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT say the rest
    status = train(arguments, stop)
    dist.barrier()                    # nobody hangs up while another still talks
    dist.destroy_process_group()
    millwright.close()
    return status


if __name__ == "__main__":
    sys.exit(main())
