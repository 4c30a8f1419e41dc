#!/usr/bin/env python3
"""Trains with the artifacts of ONNX Runtime Training that pmx writes, without pmx: the wheel
onnxruntime-training-cpu 1.19.2, by its published Python interface, and numpy.

  pmx build-graph --preset ... --format ort-training --out ort-artifacts
  python train_artifacts.py ort-artifacts recording.safetensors
  python train_artifacts.py ort-artifacts ...

The recording holds initial weights and some batches, with what the published PyTorch code made of
them. The script takes the same steps and compares. Without a recording it takes one step of random
numbers with each folder's artifacts.
"""
import os, sys, tempfile, types
import numpy as np
import onnx
import onnxruntime as ort
from train_step import determined, read_safetensors

# `import onnxruntime.training` also imports what is made for PyTorch models, which needs torch. The
# interface for artifacts does not, so it is found without that package's __init__.
package = types.ModuleType("onnxruntime.training")
package.__path__ = [os.path.join(os.path.dirname(ort.__file__), "training")]
sys.modules.setdefault("onnxruntime.training", package)
from onnxruntime.training.api import CheckpointState, Module, Optimizer  # noqa: E402


class Trainer:
    """The four artifacts of a folder; checkpoint may be another file."""

    def __init__(self, folder, checkpoint=None):
        path = lambda name: os.path.join(folder, name)
        self.state = CheckpointState.load_checkpoint(checkpoint or path("checkpoint"))
        self.module = Module(path("training_model.onnx"), self.state, path("eval_model.onnx"))
        self.optimizer = Optimizer(path("optimizer_model.onnx"), self.module)

    def call(self, feeds):
        """Runs the training or the evaluation model and gives its outputs by name."""
        results = self.module(*(feeds[name] for name in self.module.input_names()))
        return dict(zip(self.module.output_names(), results))

    def set(self, weights):
        for name, value in weights.items():
            self.state.parameters[name] = value

    def gradients(self, feeds):
        """Computes loss and gradients, updates averages and running statistics, takes weight decay off."""
        self.module.train()
        self.module.lazy_reset_grad()
        return self.call(feeds)

    def step(self, feeds):
        """Takes one training step. The gradients can be read until the next."""
        metrics = self.gradients(feeds)
        self.optimizer.set_learning_rate(feeds["lr"].item())  # the feed itself is for weight decay
        self.optimizer.step()
        return metrics

    def evaluate(self, feeds):
        self.module.eval()
        return self.call(feeds)

    def encode(self, images):
        """Exports the encoder, for inference on any ONNX Runtime, and runs it on any number of images."""
        self.module.eval()
        with tempfile.TemporaryDirectory() as temporary:
            path = os.path.join(temporary, "encoder.onnx")
            self.module.export_model_for_inferencing(path, ["cls", "tokens"])
            session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
        (only,) = session.get_inputs()
        return dict(zip(["cls", "tokens"], session.run(["cls", "tokens"], {only.name: images})))


def apart(got, want):
    """The largest difference, NaN if there is one."""
    return np.abs(np.asarray(got, np.float64) - want).max(initial=0)


def check(what, difference, tolerance):
    if not difference <= tolerance:
        sys.exit(f"these are other numbers: {what} is {difference:.2e} apart, want at most {tolerance:.2e}")


def is_statistic(name):
    """A batch norm's running mean or variance."""
    return name.endswith((".running_mean", ".running_var"))


class Recording:
    """Initial weights and steps, with the numbers that they gave."""

    def __init__(self, path):
        self.tensors = read_safetensors(path)
        self.steps = sum(name.endswith("/loss/total") for name in self.tensors)
        self.losses, self.evaluations = ([name[len(prefix):] for name in self.tensors if name.startswith(prefix)]
                                         for prefix in ("step0/loss/", "step0/eval/"))

    def holds(self, name):
        """Recordings of the published code have no running statistics of batch norms."""
        return not is_statistic(name) or "init/" + name in self.tensors

    def weights(self, k, names):
        """Those before step k; before step 0, initial ones."""
        return {name: self.tensors[f"step{k - 1}/param/{name}" if k else "init/" + name] for name in names if self.holds(name)}

    def feeds(self, k):
        schedules = {"lr": "lr", "weight_decay": "wd", "ema_momentum": "momentum"}
        feeds = {name: self.tensors["schedule/" + key][k:k + 1].astype(np.float32)
                 for name, key in schedules.items() if "schedule/" + key in self.tensors}
        feeds["temperature"] = np.array([0.2], np.float32)
        prefix = f"step{k}/"
        feeds.update({name[len(prefix):]: value for name, value in self.tensors.items() if name.startswith(prefix)})
        return feeds

    def check_loss(self, k, name, metrics, mode="loss"):
        """Total loss or a part of it, to 1e-5 of itself; mode eval: the evaluation's."""
        metric = "loss" if name == "total" else "loss_" + name
        if metric in metrics:
            want = self.tensors[f"step{k}/{mode}/{name}"].item()
            check(f"step {k + 1}: {mode}: {metric}", apart(metrics[metric], want), 1e-5 * abs(want))

    def check_gradients(self, k, parameters, norm):
        """Each to 1e-4 of its largest entry, and the norm of all."""
        squares = 0.0
        for name, p in parameters:
            want = self.tensors.get(f"step{k}/grad/{name}")
            if p.requires_grad and want is not None:
                squares += (want.astype(np.float64) ** 2).sum()
                got, want = determined(name, p.grad), determined(name, want)
                check(f"step {k + 1}: gradient of {name}", apart(got, want), 1e-4 * np.abs(want).max(initial=0))
        want = squares ** 0.5 if squares else self.tensors[f"step{k}/grad_norm"].item()
        check(f"step {k + 1}: grad_norm", apart(norm, want), 1e-4 * want)

    def check_weights(self, k, parameters):
        """Those after step k, to 1e-5; gives the largest difference."""
        worst = 0.0
        for name, p in parameters:
            if not self.holds(name):
                continue
            got, want = p.data, self.tensors[f"step{k}/param/{name}"]
            settled = self.tensors.get(f"step{k}/settled/{name}", np.ones_like(want)) != 0
            difference = apart(determined(name, np.where(settled, got, 0)), determined(name, np.where(settled, want, 0)))
            check(f"step {k + 1}: {name}", difference, 1e-5)
            worst = max(worst, difference)
        return worst


def compare(folder, path):
    recording = Recording(path)
    by_step(folder, recording)
    in_a_row(folder, recording)
    print("the same numbers")


def by_step(folder, recording):
    """Compares every loss and running statistic, each step beginning with the recorded weights. (Batch norm over a few images
    makes a difference of 1e-6 in weights, well within what is asked of them, one of 1e-5 in the smallest
    part of the next loss.) An evaluation has the state after the step. Then exports the encoder."""
    train = Trainer(folder)
    names = [name for name, _ in train.state.parameters]
    for k in range(recording.steps):
        train.set(recording.weights(k, names))
        metrics = train.gradients(recording.feeds(k))
        for name in recording.losses:
            recording.check_loss(k, name, metrics)
        recording.check_gradients(k, train.state.parameters, metrics["grad_norm"])
        recording.check_weights(k, [(name, p) for name, p in train.state.parameters if is_statistic(name)])
        train.set(recording.weights(k + 1, names))
        evaluated = train.evaluate(recording.feeds(k))
        for name in recording.evaluations:
            recording.check_loss(k, name, evaluated, "eval")

    if "features/input" in recording.tensors:
        train.set(recording.weights(recording.steps, names))
        for name, got in train.encode(recording.tensors["features/input"]).items():
            check(f"exported encoder: {name}", apart(got, recording.tensors["features/" + name]), 1e-5)


def in_a_row(folder, recording):
    """Trains, and compares as it goes on; after the first step from a saved checkpoint. Running statistics
    are left out: they follow also those weights whose step rounding decides."""
    train = Trainer(folder)
    train.set(recording.weights(0, [name for name, _ in train.state.parameters]))
    for k in range(recording.steps):
        metrics = train.step(recording.feeds(k))
        recording.check_loss(k, "total", metrics)
        recording.check_gradients(k, train.state.parameters, metrics["grad_norm"])
        worst = recording.check_weights(k, [(name, p) for name, p in train.state.parameters if not is_statistic(name)])
        want = recording.tensors[f"step{k}/loss/total"].item()
        print(f"step {k + 1}: loss {metrics['loss']:.7f}, recorded {want:.7f}; weights at most {worst:.1e} apart")
        if k == 0:
            with tempfile.TemporaryDirectory() as temporary:
                saved = os.path.join(temporary, "checkpoint")
                CheckpointState.save_checkpoint(train.state, saved, include_optimizer_state=True)
                train = Trainer(folder, saved)


def one_step(folder):
    shapes = {}
    for name in ("training_model", "eval_model", "optimizer_model"):
        path = os.path.join(folder, name + ".onnx")
        onnx.checker.check_model(path)
        if name == "training_model":
            shapes = {i.name: [d.dim_value for d in i.type.tensor_type.shape.dim] for i in onnx.load(path).graph.input}
    hyper = {"lr": 1e-3, "weight_decay": 0.05, "temperature": 0.2, "ema_momentum": 0.99}
    rng = np.random.default_rng(0)
    train = Trainer(folder)
    feeds = {}
    for name in train.module.input_names():
        if name in hyper:
            feeds[name] = np.array([hyper[name]], np.float32)
        elif name == "drop_path":
            feeds[name] = np.ones(shapes[name], np.float32)
        elif name.startswith("target"):
            feeds[name] = np.eye(shapes[name][0], dtype=np.float32)
        else:
            feeds[name] = rng.normal(size=shapes[name]).astype(np.float32)
    results = list(train.evaluate(feeds).values())
    metrics = train.step(feeds)
    results += metrics.values()
    results += train.encode(feeds["view1"][:1]).values()
    for _, p in train.state.parameters:
        results += [p.data, p.grad] if p.requires_grad else [p.data]
    if not all(np.isfinite(x).all() for x in results):
        sys.exit(f"{folder}: not all numbers are finite")
    print(f"{folder}: one step, loss {metrics['loss']:.7f}, gradient norm {metrics['grad_norm']:.7f}")


if __name__ == "__main__":
    match sys.argv[1:]:
        case []:
            sys.exit(__doc__)
        case [folder, recording] if recording.endswith(".safetensors"):
            compare(folder, recording)
        case folders:
            for folder in folders:
                one_step(folder)
