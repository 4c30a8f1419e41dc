#!/usr/bin/env python3
"""Trains with a step file of pmx, without pmx: stock onnxruntime and numpy only.

  pmx build-graph --preset quickstart --out step.onnx --state initial.safetensors
  python train_step.py step.onnx initial.safetensors --images photos.npy

Views, mixed images and targets are made here. photos.npy holds bytes [number, height, width, 3],
no smaller than the recipe's image_size; without --images, images are made up. A checkpoint
of a training with the same recipe does instead of initial.safetensors.

With a recording, which holds initial weights and three batches, and what the published PyTorch
code made of them, the script takes the same steps and compares.
"""
import argparse, json, os, sys, zipfile
import numpy as np
import onnxruntime as ort


class TrainStep:
    """A step file: state and batch and hyper-parameters in, state and metrics out."""

    def __init__(self, path):
        self.session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
        # What every input and output is, the file says itself.
        self.step = json.loads(self.session.get_modelmeta().custom_metadata_map["pmx.step"])
        self.state = {}  # tensors by input name; moments and the counter start at zero
        for t in self.step["state"]:
            self.state[t["in"]] = np.zeros(t["shape"], {"float": np.float32, "int64": np.int64}[t["dtype"]])

    def run(self, batch, hyper):
        """Takes one step and returns the metrics."""
        feeds = dict(self.state)
        feeds.update({port["name"]: batch[port["name"]] for port in self.step["batch"]})
        feeds.update({h["name"]: np.array([hyper[h["name"]]], np.float32) for h in self.step["hyper"]})
        results = self.session.run([t["out"] for t in self.step["state"]] + self.step["metrics"], feeds)
        tensors = len(self.step["state"])
        self.state = {t["in"]: value for t, value in zip(self.step["state"], results[:tensors])}
        return {name: float(value[0]) for name, value in zip(self.step["metrics"], results[tensors:])}


def mix(images, patch, m, order):
    """Makes each image [n 3 side side] into equal parts of m images: in a random order of its patches,
    shared by all, the first T/m stay, the next come from the image after it, and so on."""
    grid = images.shape[-1] // patch
    ahead = np.zeros(grid * grid, int)  # how many images further on each patch comes from
    share = grid * grid // m
    ahead[order[:share * m]] = np.repeat(np.arange(m), share)
    ahead = ahead.reshape(grid, grid).repeat(patch, axis=0).repeat(patch, axis=1)
    return sum(np.roll(images, -s, axis=0) * (ahead == s) for s in range(m))


def targets(n, m, source_smoothing, mix_smoothing):
    """What part of each key image (column) a query (row) holds, [n n]: plain queries and keys; mixed
    queries; mixed queries and mixed keys, which overlap the more the nearer they are."""
    plain = np.eye(n)
    mixed = sum(np.roll(plain, s, axis=1) for s in range(m)) / m
    smooth = lambda target, e: ((1 - e) * target + e / n).astype(np.float32)
    return {"target_source": smooth(plain, source_smoothing), "target_mix_source": smooth(mixed, mix_smoothing),
            "target_mix_mix": smooth(mixed @ mixed.T, mix_smoothing)}


def drop_path(shape, rate, rng):
    """Stochastic depth's masks [depth 2 rows]: of each block, its attention and its MLP, for each image
    that passes the query encoder. 0 leaves the branch out, 1/(1-rate) keeps it; the rate grows
    linearly from 0 in the first block."""
    rates = np.linspace(0, rate, shape[0])[:, None, None]
    return ((rng.random(shape) >= rates) / (1 - rates)).astype(np.float32)


def view(images, side, rng):
    """A random crop of each image [n 3 H W], mirrored or not, brighter or darker: [n 3 side side].
    (The recipe's own views also change scale, colours and sharpness.)"""
    views = np.empty((len(images), 3, side, side), np.float32)
    for image, out in zip(images, views):
        y, x = (rng.integers(size - side + 1) for size in image.shape[1:])
        out[:] = image[:, y:y + side, x:x + side][:, :, ::rng.choice([1, -1])] * rng.uniform(0.8, 1.2)
    return views


def make_batch(step, images, rng):
    """All that the step file's inputs of a batch take, from images [n 3 H W]."""
    config, n = step["config"], len(images)
    m = rng.choice(np.atleast_1d(config["mix_num"]))
    batch = targets(n, m, source_smoothing=0.1, mix_smoothing=0)
    for port in step["batch"]:  # a mixed view comes after the view
        name, shape = port["name"], port["shape"]
        if name == "drop_path":
            batch[name] = drop_path(shape, config["drop_path"], rng)
        elif "mixed" in name:  # mixed1 of view1, local0_mixed of local0
            plain = batch[name.replace("mixed", "view") if name.startswith("mixed") else name.removesuffix("_mixed")]
            batch[name] = mix(plain, config["patch_size"], m, rng.permutation((shape[-1] // config["patch_size"]) ** 2))
        elif len(shape) == 4:
            batch[name] = view(images, shape[-1], rng)
    return batch


def read_images(path, side):
    """Bytes [n H W 3] as floats [n 3 H W], ImageNet's mean and deviation taken out."""
    try:
        pixels = np.load(path)
    except (ValueError, EOFError, zipfile.BadZipFile):
        pixels = None
    if not isinstance(pixels, np.ndarray):  # an .npz is a file of files
        sys.exit(f"{path} is no .npy file: write one with numpy.save")
    if pixels.dtype != np.uint8 or pixels.ndim != 4 or pixels.shape[3] != 3 or min(pixels.shape[1:3]) < side:
        sys.exit(f"{path}: want bytes [number height width 3] of at least {side} pixels, got {pixels.dtype} {list(pixels.shape)}")
    scaled = (pixels / np.float32(255) - np.float32([0.485, 0.456, 0.406])) / np.float32([0.229, 0.224, 0.225])
    return scaled.transpose(0, 3, 1, 2)


def make_up_images(number, side, rng):
    """4 x 4 large squares of random colours each, [number 3 side side]."""
    cell = side // 4 + 1
    return rng.normal(size=(number, 3, 4, 4)).astype(np.float32).repeat(cell, axis=2).repeat(cell, axis=3)


def train(trainer, state, images, steps):
    """Takes steps from a state by name, with hyper-parameters that stay as they are."""
    config = trainer.step["config"]
    for t in trainer.step["state"]:
        if t["name"] not in state or list(state[t["name"]].shape) != t["shape"]:
            sys.exit(f"the state has no {t['name']} {t['shape']}: write it with the step file, by pmx build-graph --state")
        trainer.state[t["in"]] = state[t["name"]]

    rng = np.random.default_rng(0)
    side, n = config["image_size"], config["batch"]
    images = read_images(images, side) if images else make_up_images(4 * n, side, rng)
    if len(images) < n:
        sys.exit(f"{len(images)} images, the step takes {n}: build it with --set batch={len(images)} or fewer")
    hyper = {"lr": 1e-3, "weight_decay": 0.05, "temperature": 0.2, "ema_momentum": 0.99}
    for k in range(steps):
        chosen = rng.choice(len(images), n, replace=False)
        metrics = trainer.run(make_batch(trainer.step, images[chosen], rng), hyper)
        print(f"step {k + 1}: " + ", ".join(f"{name} {value:.4f}" for name, value in metrics.items()), flush=True)


def read_safetensors(path):
    data = open(path, "rb").read()
    length = int.from_bytes(data[:8], "little")
    header, body = json.loads(data[8:8 + length]), data[8 + length:]
    dtypes = {"F32": np.float32, "F64": np.float64, "I64": np.int64}
    return {name: np.frombuffer(body[t["data_offsets"][0]:t["data_offsets"][1]], dtypes[t["dtype"]]).reshape(t["shape"])
            for name, t in header.items() if name != "__metadata__"}


def determined(name, value):
    """Leaves out what no gradient reaches in theory (a softmax ignores its keys' bias, a batch norm
    what is added before it): AdamW turns the rounding noise there into steps of any sign."""
    if name.endswith("attn.qkv.bias"):
        third = len(value) // 3
        return np.concatenate([value[:third], value[2 * third:]])
    return value[:0] if name.endswith("encoder.norm.bias") else value


def compare(trainer, recorded):
    """Takes the recorded steps, from the recorded weights on, and compares all numbers."""
    config = trainer.step["config"]
    for t in trainer.step["state"]:
        if t["kind"] in ("param", "ema"):
            trainer.state[t["in"]] = recorded["init/" + t["name"]]

    schedules = {"lr": "lr", "weight_decay": "wd", "ema_momentum": "momentum"}
    for k in range(3):
        hyper = {name: recorded["schedule/" + key][k] for name, key in schedules.items() if "schedule/" + key in recorded}
        hyper["temperature"] = 0.2
        batch = {port["name"]: recorded[f"step{k}/{port['name']}"] for port in trainer.step["batch"]}
        check_batch(batch, config, {name: value for name, value in recorded.items() if name.startswith(f"step{k}/")})
        metrics = trainer.run(batch, hyper)

        want = float(recorded[f"step{k}/loss/total"])
        # numpy's max, since Python's loses a NaN
        apart = np.max([np.abs(determined(t["name"], trainer.state[t["in"]]) - determined(t["name"], recorded[f"step{k}/param/{t['name']}"])).max(initial=0)
                        for t in trainer.step["state"] if t["kind"] in ("param", "ema")])
        print(f"step {k + 1}: loss {metrics['loss']:.7f}, recorded {want:.7f}; weights at most {apart:.1e} apart")
        if not abs(metrics["loss"] - want) <= 1e-5 * abs(want) or not apart <= 1e-5:
            sys.exit("these are other numbers")
    print("the same numbers")


def check_batch(batch, config, recorded):
    """Compares this script's mixed images and targets with the recorded ones."""
    (m,) = np.atleast_1d(config["mix_num"])
    orders = {name.split("/")[1]: value for name, value in recorded.items() if "perm" in name}
    if len(orders) != sum("mixed" in name for name in batch):
        sys.exit(f"the recording has the orders {list(orders)}, other mixed images")
    for name, order in orders.items():  # perm1: view1 to mixed1; local0_perm: local0 to local0_mixed
        plain, mixed = name.replace("perm", "view"), name.replace("perm", "mixed")
        if name.endswith("_perm"):
            plain = name.removesuffix("_perm")
        if not np.array_equal(mix(batch[plain], config["patch_size"], m, order), batch[mixed]):
            sys.exit(f"these are other numbers: {mixed}")
    for name, target in targets(config["batch"], m, source_smoothing=0.1, mix_smoothing=0).items():
        if not np.abs(target - batch[name]).max() <= 1e-7:
            sys.exit(f"these are other numbers: {name}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", help="the step file, by pmx build-graph")
    parser.add_argument("state", help="what to start from, by pmx build-graph --state, or a recording")
    parser.add_argument("--images", metavar="NPY", help="train on these images")
    parser.add_argument("--steps", type=int, default=20)
    args = parser.parse_args()
    for path in filter(None, (args.step, args.state, args.images)):
        if not os.path.isfile(path):
            parser.error(f"{path} is no file")
    try:
        tensors = read_safetensors(args.state)
    except (ValueError, KeyError):
        parser.error(f"{args.state} is no safetensors file of such tensors")
    try:
        trainer = TrainStep(args.step)
    except KeyError as error:
        parser.error(f"{args.step} is no step file: it has no metadata {error}")
    except Exception as error:  # onnxruntime's own have no class in common
        parser.error(f"{args.step} is no step file: {error}")
    if any(name.startswith("init/") for name in tensors):
        compare(trainer, tensors)
    else:
        train(trainer, tensors, args.images, args.steps)


if __name__ == "__main__":
    main()
