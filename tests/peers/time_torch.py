"""Times training of one network by PyTorch for train_speed.py, and prints a line of JSON.

    time_torch.py MODEL BATCH STEPS DATA_DIR/mnist

The same work as time_train: rows of a shuffled order, forward, backward, SGD with momentum; pixels stand
standardised in memory already. Images per second of the processor's time. Exit status 77: no PyTorch.
"""
import gzip
import json
import pathlib
import sys
import time

try:
    import numpy as np
    import torch
    from torch import nn
except ImportError as error:
    print(f"skipped: {error}; apt-get install python3-torch")
    sys.exit(77)


def idx(folder, name, header):
    for path in (folder / name, folder / (name + ".gz")):
        if path.exists():
            raw = gzip.open(path).read() if path.suffix == ".gz" else path.read_bytes()
            return np.frombuffer(raw, np.uint8, offset=header)
    sys.exit(f"no {folder / name}")


def network(name):
    dense, relu = nn.Linear, nn.ReLU
    return nn.Sequential(*{
        "mlp": lambda: [nn.Flatten(), dense(784, 64), relu(), dense(64, 32), relu(), dense(32, 10)],
        "lenet": lambda: [nn.Conv2d(1, 6, 5), relu(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), relu(), nn.MaxPool2d(2),
                          nn.Flatten(), dense(256, 120), relu(), dense(120, 84), relu(), dense(84, 10)],
        "cnn": lambda: [nn.Conv2d(1, 32, 3), relu(), nn.Conv2d(32, 64, 3), relu(), nn.MaxPool2d(2),
                        nn.Dropout(0.25), nn.Flatten(), dense(9216, 128), relu(), nn.Dropout(0.5),
                        dense(128, 10)]}[name]())


def main():
    name, batch, steps, folder = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), pathlib.Path(sys.argv[4])
    torch.set_num_threads(1)
    torch.manual_seed(1)
    pixels = torch.from_numpy(idx(folder, "train-images-idx3-ubyte", 16).reshape(-1, 1, 28, 28).astype(np.float32))
    pixels = (pixels - pixels.mean()) / pixels.std()
    labels = torch.from_numpy(idx(folder, "train-labels-idx1-ubyte", 8).astype(np.int64))
    order = torch.randperm(len(pixels))
    model, loss_of = network(name), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)

    def step(number):
        first = number % (len(pixels) // batch) * batch
        rows = order[first:first + batch]
        optimizer.zero_grad()
        loss = loss_of(model(pixels[rows]), labels[rows])
        loss.backward()
        optimizer.step()
        return loss

    warm_up = max(1, steps // 10)
    for number in range(warm_up):
        step(number)
    start = time.process_time()
    for number in range(steps):
        loss = step(warm_up + number)
    print(json.dumps({"images_per_second": steps * batch / (time.process_time() - start), "loss": loss.item()}))


main()
