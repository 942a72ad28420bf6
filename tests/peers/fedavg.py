"""FedAvg in a page of PyTorch, to compare rounds with: McMahan et al. 2017, their 2NN on MNIST, 100
clients of 600 rows, ten in a round, B = 10, E = 1. Prints after how many rounds 97 % of the test rows
are right (best so far, interpolated). Shares nothing with Canopy but the data.

  tests/peers/fedavg.py [--partition iid|shards] [--init torch] [--lr 0.1] [--seed 1] [--rounds 700]

Needs python3-torch and MNIST in $CANOPY_DATA_DIR or data/; about half a second a round."""

import argparse
import gzip
import os
import pathlib

import numpy
import torch

SIZES = [(784, 200), (200, 200), (200, 10)]
CLIENTS, COHORT, BATCH, TARGET = 100, 10, 10, 0.97


def read(name):
    folder = pathlib.Path(os.environ.get("CANOPY_DATA_DIR", "data")) / "mnist"
    raw = gzip.decompress((folder / f"{name}.gz").read_bytes())
    return torch.tensor(numpy.frombuffer(raw, numpy.uint8, offset=16 if "images" in name else 8))


def images(name):
    return read(name).reshape(-1, 784).float() / 255


def truncated(fan_in, fan_out, deviation=0.1):
    return torch.nn.init.trunc_normal_(torch.empty(fan_in, fan_out), 0, deviation,
                                       -2 * deviation, 2 * deviation)


def uniform(bound, *shape):
    return (2 * torch.rand(*shape) - 1) * bound


# Weights and biases of a layer. TensorFlow's early tutorials drew truncated normal ones of deviation
# 0.1 with biases 0.1, its layers Glorot's with biases 0.
INITS = {
    "torch": lambda n, m: (uniform(n**-0.5, n, m), uniform(n**-0.5, 1, m)),
    "glorot": lambda n, m: (uniform((6 / (n + m))**0.5, n, m), torch.zeros(1, m)),
    "truncated": lambda n, m: (truncated(n, m), torch.zeros(1, m)),
    "truncated-biased": lambda n, m: (truncated(n, m), torch.full((1, m), 0.1)),
}


def deal(partition, labels, random):
    """Rows by client: at random, or two of 200 blocks of the rows sorted by label."""
    if partition == "iid":
        return random.permutation(len(labels)).reshape(CLIENTS, -1)
    blocks = numpy.argsort(labels.numpy(), kind="stable").reshape(2 * CLIENTS, -1)
    return blocks[random.permutation(2 * CLIENTS)].reshape(CLIENTS, -1)


def forward(weights, x):
    """Of many clients at once, each with its own weights."""
    for i in (0, 2):
        x = torch.relu(torch.baddbmm(weights[i + 1], x, weights[i]))
    return torch.baddbmm(weights[5], x, weights[4])


def train(weights, x, labels, orders, lr):
    """One epoch of SGD at each client, from the same weights; their mean, as all have as many rows."""
    mine = [w.expand(COHORT, *w.shape[1:]).clone().requires_grad_() for w in weights]
    for begin in range(0, orders.shape[1], BATCH):
        rows = torch.tensor(orders[:, begin:begin + BATCH])
        scores = forward(mine, x[rows]).flatten(0, 1)
        loss = torch.nn.functional.cross_entropy(scores, labels[rows].flatten(), reduction="sum")
        gradients = torch.autograd.grad(loss / BATCH, mine)
        with torch.no_grad():
            for w, gradient in zip(mine, gradients):
                w.sub_(gradient, alpha=lr)
    return [w.detach().mean(0, keepdim=True) for w in mine]


def rounds_to_target(options):
    random = numpy.random.default_rng(options.seed)
    torch.manual_seed(options.seed)
    torch.set_num_threads(1)
    x, labels = images("train-images-idx3-ubyte"), read("train-labels-idx1-ubyte").long()
    test, truth = images("t10k-images-idx3-ubyte"), read("t10k-labels-idx1-ubyte").long()
    clients = deal(options.partition, labels, random)
    weights = [w.unsqueeze(0) for size in SIZES for w in INITS[options.init](*size)]
    best = 0.0
    for done in range(options.rounds):
        cohort = random.choice(CLIENTS, COHORT, replace=False)
        orders = numpy.stack([random.permutation(clients[client]) for client in cohort])
        weights = train(weights, x, labels, orders, options.lr)
        now = (forward(weights, test.unsqueeze(0))[0].argmax(1) == truth).float().mean().item()
        if now >= TARGET:
            return f"{done + (TARGET - best) / (now - best):.1f} rounds"
        best = max(best, now)
    return f"not in {options.rounds} rounds, {best:.4f} at best"


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--partition", choices=["iid", "shards"], default="iid")
    parser.add_argument("--init", choices=list(INITS), default="torch")
    parser.add_argument("--lr", type=float, default=0.1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=700)
    given = parser.parse_args()
    print(given.partition, given.init, given.lr, given.seed, rounds_to_target(given))
