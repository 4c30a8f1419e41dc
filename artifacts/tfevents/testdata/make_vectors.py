"""Writes vectors.tfevents with TensorBoard's own writer.

    pip install tensorboard   # 2.21.0 was used
    python make_vectors.py

The events are those that tfevents_test.go writes.
"""

import os

from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

here = os.path.dirname(os.path.abspath(__file__))


def scalars(step, **values):
    summary = Summary(value=[Summary.Value(tag=t, simple_value=v) for t, v in sorted(values.items())])
    return Event(wall_time=1700000000.5, step=step, summary=summary)


events = [
    Event(wall_time=1700000000.5, file_version="brain.Event:2"),
    Event(wall_time=1700000000.5, step=101, session_log=SessionLog(status=SessionLog.START)),
    scalars(0, loss=1.0),
    scalars(101, loss=0.1, lr=1e-3, **{"knn/top1 \u00e9": float("nan")}),
    scalars(3_000_000_000, loss=float("inf")),
]
with open(os.path.join(here, "vectors.tfevents"), "wb") as f:
    writer = RecordWriter(f)
    for event in events:
        writer.write(event.SerializeToString())
