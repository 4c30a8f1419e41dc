#!/usr/bin/env python3
"""Trains with a step file of pmx, without pmx: stock onnxruntime and numpy only.

  pmx build-graph --preset ... --out step.onnx
  python train_step.py step.onnx recording.safetensors

The recording holds initial weights and three batches, with what the published
PyTorch code made of them. The script takes the same steps and compares.
"""
import json, sys
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


def main(model, recording):
    recorded = read_safetensors(recording)
    train = TrainStep(model)
    for t in train.step["state"]:
        if t["kind"] in ("param", "ema"):
            train.state[t["in"]] = recorded["init/" + t["name"]]

    schedules = {"lr": "lr", "weight_decay": "wd", "ema_momentum": "momentum"}
    for k in range(3):
        hyper = {name: recorded["schedule/" + key][k] for name, key in schedules.items() if "schedule/" + key in recorded}
        hyper["temperature"] = 0.2
        batch = {port["name"]: recorded[f"step{k}/{port['name']}"] for port in train.step["batch"]}
        metrics = train.run(batch, hyper)

        want = float(recorded[f"step{k}/loss/total"])
        apart = max(np.abs(determined(t["name"], train.state[t["in"]]) - determined(t["name"], recorded[f"step{k}/param/{t['name']}"])).max(initial=0)
                    for t in train.step["state"] if t["kind"] in ("param", "ema"))
        print(f"step {k + 1}: loss {metrics['loss']:.7f}, recorded {want:.7f}; weights at most {apart:.1e} apart")
        if not abs(metrics["loss"] - want) <= 1e-5 * abs(want) or not apart <= 1e-5:
            sys.exit("these are other numbers")
    print("the same numbers")


if __name__ == "__main__":
    main(*sys.argv[1:])
