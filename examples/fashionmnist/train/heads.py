"""Cuts a trained network anew and fits the classifiers of its early exits, with all layers as they are.

    python3 heads.py --init second.pt --out third.pt --cuts 2 3 4 5

A classifier is linear on the means of the stage's channels, so its loss is convex, and
fitting it alone takes seconds; trained with all layers it stays short of its best.
"""
import argparse

import torch
from torch.nn import functional as F

import data
import model
from train import labels, load, tensor


@torch.no_grad()
def means(net, x, batch=500):
    """The channel means after each stage: what its exit sees. One [rows, channels] a stage."""
    parts = []
    for i in range(0, len(x), batch):
        h, row = x[i:i + batch], []
        for stage in net:
            h = stage.body(h)
            row.append(h.mean((2, 3)))
        parts.append(row)
    return [torch.cat(p) for p in zip(*parts)]


def fit(head, x, y, steps):
    """Maximum likelihood by L-BFGS, on channels brought to one scale; the scale then goes into the weights."""
    scale = x.std(0) + 1e-6
    head.weight.data *= scale
    optimizer = torch.optim.LBFGS(head.parameters(), max_iter=steps, history_size=20, line_search_fn="strong_wolfe")

    def loss():
        optimizer.zero_grad()
        value = F.cross_entropy(head(x / scale), y)
        value.backward()
        return value

    optimizer.step(loss)
    head.weight.data /= scale


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--init", required=True)
    args.add_argument("--out", required=True)
    args.add_argument("--cuts", type=int, nargs="+", required=True, help="layers before each exit but the last")
    args.add_argument("--steps", type=int, default=300)
    a = args.parse_args()
    saved = torch.load(a.init)
    net = model.stages(a.cuts).eval()
    model.take_layers(net, load(a.init))
    (x, y), (vx, vy), _ = data.split()
    early = list(net)[:-1]
    seen, y = means(early, tensor(x)), labels(y)
    for stage, features in zip(early, seen):
        fit(stage.exit, features, y, a.steps)
    saved["args"]["cuts"] = a.cuts
    torch.save(saved | {"net": net.state_dict()}, a.out)
    with torch.no_grad():
        right = [(stage.exit(h).argmax(1) == labels(vy)).float().mean().item() for stage, h in zip(early, means(early, tensor(vx)))]
    print("validation", " ".join(f"{v:.4f}" for v in right))


if __name__ == "__main__":
    main()
