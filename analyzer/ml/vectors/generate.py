"""Writes fit.json and metrics.json beside this file: what scikit-learn answers to small seeded problems.

    python -m venv venv && venv/bin/pip install scikit-learn==1.9.1 && venv/bin/python generate.py

The recipes use integers and the four operations only, so ../vectors.ts makes the same doubles.
"""
import json, os, warnings
import numpy as np, sklearn
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score
from sklearn.preprocessing import StandardScaler

HERE = os.path.dirname(os.path.abspath(__file__))


def lehmer(seed):
    """Uniform doubles in (0, 1): x = 48271 x mod (2^31 - 1)."""
    x = seed
    while True:
        x = x * 48271 % 2147483647
        yield x / 2147483647


def dataset(case):
    u = lehmer(case["seed"])
    rows, scales, shifts = case["rows"], case["scales"], case["shifts"]
    X = np.empty((rows, len(scales)))
    y = np.empty(rows, dtype=int)
    w = np.empty(rows)
    for i in range(rows):
        z = case["base"]
        for j in range(len(scales)):
            v = next(u) + next(u) + next(u) - 1.5
            z = z + v * (j % 3 - 1)
            X[i, j] = v * scales[j] + shifts[j]
        z = z * 2
        y[i] = 1 if next(u) < 0.5 + 0.5 * z / (1 + abs(z)) else 0
        w[i] = 0.5 + next(u)
    return X, y, w


def optimal(case, Z, y, w, b, b0):
    """scikit-learn's stopping rules can be fooled: the conditions of optimality cannot."""
    weight = w if case["weighted"] else np.ones(len(y))
    if case["class_weight"] == "balanced":
        weight = weight * (weight.sum() / (2 * np.array([weight[y == 0].sum(), weight[y == 1].sum()])))[y]
    residual = weight * (1 / (1 + np.exp(-(Z @ b + b0))) - y)
    slope = Z.T @ residual + case["l2"] * b
    wrong = np.where(b != 0, np.abs(slope + case["l1"] * np.sign(b)), np.maximum(0, np.abs(slope) - case["l1"]))
    worst = max(abs(residual.sum()), *(wrong / np.maximum(1, np.abs(Z).max(axis=0))))
    assert worst < 1e-7, (case["name"], worst)


def solve(case):
    X, y, w = dataset(case)
    s = StandardScaler().fit(X) if case["standardize"] else None
    Z = s.transform(X) if s else X
    penalty = case["l1"] + case["l2"]
    kind = dict(C=1 / penalty if penalty else np.inf, tol=1e-13, class_weight="balanced" if case["class_weight"] == "balanced" else None)
    if case["l1"]:
        m = LogisticRegression(solver="saga", l1_ratio=case["l1"] / penalty, max_iter=200_000, random_state=0, **kind)
    else:
        m = LogisticRegression(solver="newton-cholesky", max_iter=1000, **kind)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        m.fit(Z, y, sample_weight=w if case["weighted"] else None)
    b, b0 = m.coef_[0], m.intercept_[0]
    optimal(case, Z, y, w, b, b0)
    if s:
        b0, b = b0 - float(np.sum(b / s.scale_ * s.mean_)), b / s.scale_
    return {**case, "positives": int(y.sum()), "intercept": float(b0), "coefficients": [float(v) for v in b]}


def case(name, seed, rows=400, scales=(1, 2, 0.5, 3), shifts=(0, 1, -2, 5), base=-0.7, l2=1.0, l1=0.0, class_weight="none", standardize=True, weighted=False):
    return dict(name=name, seed=seed, rows=rows, scales=list(scales), shifts=list(shifts), base=base, l2=l2, l1=l1, class_weight=class_weight, standardize=standardize, weighted=weighted)


FITS = [
    case("plain", 1),
    case("no penalty", 2, l2=0.0),
    case("strong l2", 3, l2=250.0),
    case("balanced, rare class", 4, rows=1500, base=-2.5, class_weight="balanced"),
    case("weighted rows", 5, weighted=True),
    case("weighted and balanced", 6, weighted=True, class_weight="balanced"),
    case("raw scale", 7, standardize=False),
    case("scales of twelve orders", 8, scales=(1e-6, 1, 1e6), shifts=(1e-3, 0, 1e7)),
    case("a mean a million times the spread", 9, scales=(1, 1), shifts=(1e6, -3)),
    case("l1", 10, l2=0.0, l1=3.0),
    case("l1 that leaves one feature", 11, l2=0.0, l1=45.0),
    case("elastic net", 12, l2=2.0, l1=8.0),
    case("elastic net, raw scale, balanced", 13, scales=(1, 1.5, 0.7, 1), shifts=(0, 0.1, -0.2, 0), l2=1.0, l1=4.0, standardize=False, class_weight="balanced"),
    case("more rows than a block", 14, rows=5000, scales=[1 + j / 4 for j in range(15)], shifts=list(range(15)), base=-1.5),
    case("many features", 15, rows=900, scales=[1 + j % 7 for j in range(210)], shifts=[j % 5 for j in range(210)]),
    case("many features, elastic net", 16, rows=900, scales=[1] * 210, shifts=[0] * 210, l2=2.0, l1=6.0),
]


def metric(name, seed, rows, levels, rate):
    """Scores on `levels` steps, so that there are ties, which lean to the label."""
    u = lehmer(seed)
    scores, labels = [], []
    for _ in range(rows):
        label = 1 if next(u) < rate else 0
        v = next(u)
        score = 1 - (1 - v) * (1 - v) if label else v * v
        scores.append((int(score * levels) + 0.5) / levels)
        labels.append(label)
    y, s = np.array(labels), np.array(scores)
    return dict(
        name=name, seed=seed, rows=rows, levels=levels, rate=rate, positives=int(y.sum()),
        auc_roc=float(roc_auc_score(y, s)), average_precision=float(average_precision_score(y, s)),
        log_loss=float(log_loss(y, s)), brier=float(brier_score_loss(y, s)),
    )


METRICS = [
    metric("hardly a tie", 21, 500, 1 << 20, 0.3),
    metric("many ties", 22, 2000, 16, 0.1),
    metric("two scores", 23, 300, 2, 0.5),
    metric("one score", 24, 100, 1, 0.4),
    metric("rare", 25, 5000, 1000, 0.004),
]


def write(name, cases):
    with open(os.path.join(HERE, name), "w") as f:
        json.dump({"made by": f"scikit-learn {sklearn.__version__}", "cases": cases}, f, indent=1)
        f.write("\n")


write("fit.json", [solve(c) for c in FITS])
write("metrics.json", METRICS)
