#!/usr/bin/env python3
"""Writes knn.safetensors: features and the accuracies that numpy and torch find.

Both follow the published kNN protocol (arXiv 1805.01978) with plain matrices in
float64: numpy with stable sorts (ties go to the lower index), torch with topk
and one-hot votes. They must agree before anything is written. Only classes that a
neighbour voted for are ranked. Duplicated rows with other labels make exact ties.
Versions used: numpy 2.4.6, torch 2.15.0.
"""
import json
import pathlib

import numpy as np
import torch
from safetensors.numpy import save_file

KS = [1, 5, 10, 20, 100, 200, 300]
T = 0.07


def normalize(x):
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)


def with_numpy(bank, bank_labels, queries, query_labels, classes):
    sim = np.einsum("qd,bd->qb", queries.astype(np.float64), bank.astype(np.float64), optimize=False)
    order = np.argsort(-sim, axis=1, kind="stable")
    out = []
    for k in KS:
        first = order[:, :k]
        weights = np.exp(np.take_along_axis(sim, first, 1) / T)
        votes = np.zeros((len(queries), classes))
        for q in range(len(queries)):
            for i, w in zip(first[q], weights[q]):
                votes[q, bank_labels[i]] += w
        ranking = np.argsort(-votes, axis=1, kind="stable")
        hit = (ranking == query_labels[:, None]) & (np.take_along_axis(votes, ranking, 1) > 0)
        out.append((int(hit[:, :1].sum()), int(hit[:, :5].sum())))
    return out


def with_torch(bank, bank_labels, queries, query_labels, classes):
    bank, queries = torch.tensor(bank, dtype=torch.float64), torch.tensor(queries, dtype=torch.float64)
    bank_labels, query_labels = torch.tensor(bank_labels), torch.tensor(query_labels)
    out = []
    for k in KS:
        distances, indices = (queries @ bank.T).topk(k, largest=True, sorted=True)
        one_hot = torch.nn.functional.one_hot(bank_labels[indices], classes).double()
        votes = (one_hot * (distances / T).exp()[:, :, None]).sum(1)
        sums, ranking = votes.sort(dim=1, descending=True, stable=True)
        hit = (ranking == query_labels[:, None]) & (sums > 0)
        out.append((int(hit[:, :1].sum()), int(hit[:, :5].sum())))
    return out


def case(seed, dim, classes, n_bank, n_queries, spread, duplicates):
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(classes, dim))
    draw = lambda labels: normalize(centres[labels] + spread * rng.normal(size=(len(labels), dim)))
    bank_labels, query_labels = rng.integers(classes, size=n_bank), rng.integers(classes, size=n_queries)
    bank, queries = draw(bank_labels), draw(query_labels)
    found = with_torch(bank, bank_labels, queries, query_labels, classes)
    assert found == with_numpy(bank, bank_labels, queries, query_labels, classes)
    if duplicates:  # exact ties, where torch promises no order
        at = rng.integers(n_bank, size=duplicates)
        bank[at] = bank[(at + 7) % n_bank]
        found = with_numpy(bank, bank_labels, queries, query_labels, classes)
    return {"bank": bank, "bank_labels": bank_labels, "queries": queries, "query_labels": query_labels}, found


tensors, expected = {}, {}
for name, args in {
    "many_classes": (1, 16, 37, 300, 83, 1.0, 0),
    "three_classes": (2, 12, 3, 310, 61, 2.0, 0),
    "ties": (3, 12, 9, 320, 61, 1.2, 90),
}.items():
    arrays, found = case(*args)
    tensors |= {f"{name}/{k}": v.astype(np.float32 if v.ndim == 2 else np.int64) for k, v in arrays.items()}
    expected[name] = [{"k": k, "top1": a, "top5": b} for k, (a, b) in zip(KS, found)]
    print(name, found)
path = pathlib.Path(__file__).with_name("knn.safetensors")
save_file(tensors, path, {"expected": json.dumps(expected)})
