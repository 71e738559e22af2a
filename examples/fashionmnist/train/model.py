"""The five-stage early-exit network: a VGG-like body with a classifier after every stage."""
from collections import OrderedDict

import torch
from torch import nn

CLASSES = 10
INPUT = (1, 28, 28)


class ConvBlock(nn.Module):
    """3x3 convolution, batch norm, ReLU; with `residual`, the input is added before the ReLU."""

    def __init__(self, cin, cout, residual=False):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(cout)
        self.residual = residual
        if residual:  # begin as the identity (Goyal et al., 2017)
            nn.init.zeros_(self.norm.weight)

    def forward(self, x):
        y = self.norm(self.conv(x).float())  # statistics in bf16 would be too coarse
        return torch.relu(x + y if self.residual else y)


class Stage(nn.Module):
    """A block of the body and the exit behind it. Returns (activations, logits)."""

    def __init__(self, body, channels, dropout):
        super().__init__()
        self.body = nn.Sequential(*body)
        self.drop = nn.Dropout(dropout)
        self.exit = nn.Linear(channels, CLASSES)

    def forward(self, x):
        h = self.body(x)
        return h, self.exit(self.drop(h.mean((2, 3))))


# How many of the layers come before the first exit, the second, and so on.
CUTS = (3, 4, 5, 6)


def layers():
    """28x28 pixels; 14x14 after the first pooling; 7x7 after the second."""
    return [
        ConvBlock(1, 32), nn.MaxPool2d(2), ConvBlock(32, 64), ConvBlock(64, 96), ConvBlock(96, 128),
        ConvBlock(128, 192), ConvBlock(192, 192, residual=True), ConvBlock(192, 192, residual=True),
        ConvBlock(192, 224), ConvBlock(224, 224, residual=True),
        nn.MaxPool2d(2), ConvBlock(224, 256), ConvBlock(256, 256, residual=True),
    ]


def channels(body):
    """What the last convolution of some layers gives."""
    return [layer.norm.num_features for layer in body if isinstance(layer, ConvBlock)][-1]


def stages():
    """The layers, cut into stages."""
    body = layers()
    ends = list(CUTS) + [len(body)]
    return nn.ModuleList([
        Stage(body[begin:end], channels(body[:end]), 0.2 if end == len(body) else 0)
        for begin, end in zip([0] + ends, ends)
    ])


def run(net, x):
    """All exits' logits, shallowest first."""
    logits = []
    for stage in net:
        x, y = stage(x)
        logits.append(y)
    return logits


def multiply_adds(net):
    """Multiply-adds of one sample, per stage (convolutions and linear layers)."""
    counts = []
    hooks = []

    def count(layer, inputs, output):
        if isinstance(layer, nn.Conv2d):
            kernel = layer.weight[0].numel()
            counts[-1] += output[0].numel() * kernel
        else:
            counts[-1] += layer.weight.numel()

    for layer in net.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            hooks.append(layer.register_forward_hook(count))
    x = torch.zeros(1, *INPUT)
    with torch.no_grad():
        for stage in net:
            counts.append(0)
            x, _ = stage(x)
    for hook in hooks:
        hook.remove()
    return counts


def names(k, last):
    """Tensor names of stage k (0-based): what goes in and what comes out."""
    into = "image" if k == 0 else f"h{k}"
    out = OrderedDict(logits="logits") if last else OrderedDict(activations=f"h{k + 1}", logits="logits")
    return into, list(out.values())
