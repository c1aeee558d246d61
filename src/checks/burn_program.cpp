#include "checks/burn_program.h"

namespace mw::checks {

const char* const kBurnProgram = R"PY(
import json, sys, time


def say(outcome, detail="", measures=()):
    print(json.dumps({"outcome": outcome, "detail": detail, "measures": list(measures)}), flush=True)
    sys.exit(0)


kind, seconds = sys.argv[1], float(sys.argv[2])
try:
    import torch
except ImportError as error:
    say("unable", f"PyTorch is not there: {error}")
if kind == "cuda":
    if not torch.cuda.is_available():
        say("unable", "PyTorch sees no accelerator")
    devices = [torch.device("cuda", i) for i in range(torch.cuda.device_count())]
else:
    devices = [torch.device(kind)]
on_accelerator = kind == "cuda"
element = torch.bfloat16 if on_accelerator else torch.float32
size = 8192 if on_accelerator else 512


def wait(device):
    if on_accelerator:
        torch.cuda.synchronize(device)


def memory(device):
    """Fills nine tenths of what is free in pieces, reads all back, and times a copy."""
    piece = (1 << 30) if on_accelerator else (1 << 24)
    free = torch.cuda.mem_get_info(device)[0] if on_accelerator else 4 * piece
    count = max(2, int(free * 0.9) // piece)
    pieces = []
    for number in range(count):
        words = torch.arange(piece // 8, dtype=torch.int64, device=device)
        pieces.append(words.mul_(2654435761).add_(number))
    for number, words in enumerate(pieces):
        want = torch.arange(piece // 8, dtype=torch.int64, device=device).mul_(2654435761).add_(number) \
            if number % 8 == 0 else None
        # Most pieces are proven by their sum, every eighth word by word: the room for a second copy
        # is wanted for the memory under test.
        if want is not None and not torch.equal(words, want):
            say("failed", f"{device}: memory does not hold what was written, in piece {number}")
        total = int(words.sum().item()) & 0xFFFFFFFFFFFFFFFF
        n = piece // 8
        right = (2654435761 * (n * (n - 1) // 2) + number * n) & 0xFFFFFFFFFFFFFFFF
        if total != right:
            say("failed", f"{device}: memory does not hold what was written, in piece {number}")
        del want
    wait(device)
    begin = time.perf_counter()
    for _ in range(10):
        pieces[0].copy_(pieces[1])
    wait(device)
    return 10 * 2 * piece / (time.perf_counter() - begin)


def matrices(device):
    """Multiplies the same matrices again and again: each product has to be the first one's bits."""
    generator = torch.Generator(device="cpu").manual_seed(1)
    a = torch.randn(size, size, generator=generator).to(device, element)
    b = torch.randn(size, size, generator=generator).to(device, element)
    first = a @ b
    wait(device)
    rounds, begin = 0, time.perf_counter()
    while time.perf_counter() - begin < seconds:
        for _ in range(4):
            c = a @ b
            rounds += 1
        if not torch.equal(c, first):
            say("failed", f"{device}: a product of matrices differs from the first one")
        wait(device)
    return rounds * 2 * size**3 / (time.perf_counter() - begin)


try:
    copies, flops = [], []
    for device in devices:
        copies.append(memory(device))
        if on_accelerator:
            torch.cuda.empty_cache()
        flops.append(matrices(device))
except RuntimeError as error:
    say("failed", str(error).splitlines()[0][:200])
say("passed", "", [
    {"name": "accelerator.matmul", "value": int(min(flops)), "unit": "FLOP/s", "better": "higher"},
    {"name": "accelerator.copy", "value": int(min(copies)), "unit": "B/s", "better": "higher"},
    {"name": "accelerators.used", "value": len(devices), "unit": "", "better": "neither"},
])
)PY";

}  // namespace mw::checks
