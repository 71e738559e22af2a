"""Trains all stages and exits jointly and saves a checkpoint after every epoch.

    python3 train.py --out checkpoint.pt [--epochs 22] [--rate 0.1] [--seed 1] [--bf16]
"""
import argparse
import time

import numpy as np
import torch
from torch.nn import functional as F

import data
import model

EXIT_WEIGHTS = (0.1, 0.15, 0.2, 0.3, 1.0)  # the deepest exit shapes the body most


def tensor(images):
    """Bytes to [0, 1] in float32, one channel."""
    return torch.from_numpy(images.astype(np.float32) / 255).unsqueeze(1)


def labels(classes):
    return torch.from_numpy(classes.astype(np.int64))


def augment(x, rng):
    """A flip and a shift of up to two pixels, per sample."""
    n = len(x)
    flip = torch.from_numpy(rng.random(n) < 0.5)
    x = torch.where(flip[:, None, None, None], x.flip(3), x)
    padded = F.pad(x, (2, 2, 2, 2))
    dy, dx = rng.integers(0, 5, (2, n))
    out = torch.empty_like(x)
    for i in range(n):
        out[i] = padded[i, :, dy[i]:dy[i] + 28, dx[i]:dx[i] + 28]
    return out


@torch.no_grad()
def predict(net, x, batch=500):
    """Logits of every exit: [exits, rows, classes]."""
    net.eval()
    parts = [torch.stack(model.run(net, x[i:i + batch])) for i in range(0, len(x), batch)]
    return torch.cat(parts, 1)


def accuracy(logits, y):
    return [(l.argmax(1) == y).float().mean().item() for l in logits]


def load(path):
    """The network of a checkpoint."""
    net = model.stages()
    net.load_state_dict(torch.load(path)["net"])
    return net


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--out", required=True)
    args.add_argument("--epochs", type=int, default=22)
    args.add_argument("--batch", type=int, default=128)
    args.add_argument("--rate", type=float, default=0.1)
    args.add_argument("--seed", type=int, default=1)
    args.add_argument("--threads", type=int, default=2)
    args.add_argument("--bf16", action="store_true", help="mixed precision; much faster on CPUs with bf16 instructions")
    a = args.parse_args()

    torch.manual_seed(a.seed)
    torch.set_num_threads(a.threads)
    rng = np.random.default_rng(a.seed)
    (x, y), (vx, vy), _ = data.split()
    x, y = tensor(x), labels(y)
    vx, vy = tensor(vx), labels(vy)

    net = model.stages().to(memory_format=torch.channels_last)
    steps = a.epochs * (len(x) // a.batch)
    optimizer = torch.optim.SGD(net.parameters(), a.rate, momentum=0.9, nesterov=True, weight_decay=5e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, a.rate, total_steps=steps, pct_start=0.2)
    print("multiply-adds per stage:", model.multiply_adds(net), flush=True)

    begun = time.time()
    for epoch in range(a.epochs):
        net.train()
        order = rng.permutation(len(x))
        for i in range(len(x) // a.batch):
            rows = torch.from_numpy(order[i * a.batch:(i + 1) * a.batch])
            with torch.cpu.amp.autocast(enabled=a.bf16, dtype=torch.bfloat16):
                outputs = model.run(net, augment(x[rows], rng).to(memory_format=torch.channels_last))
            loss = sum(w * F.cross_entropy(o.float(), y[rows]) for w, o in zip(EXIT_WEIGHTS, outputs))
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 5)
            optimizer.step()
            schedule.step()
            if i % 50 == 0:
                print(f"epoch {epoch + 1}/{a.epochs} step {i} loss {loss.item():.3f} {time.time() - begun:.0f} s", flush=True)
        with torch.cpu.amp.autocast(enabled=a.bf16, dtype=torch.bfloat16):
            exits = " ".join(f"{v:.4f}" for v in accuracy(predict(net, vx), vy))
        print(f"epoch {epoch + 1}/{a.epochs} validation accuracy per exit: {exits}", flush=True)
        torch.save({"net": net.state_dict(), "args": vars(a), "epoch": epoch + 1}, a.out)


if __name__ == "__main__":
    main()
