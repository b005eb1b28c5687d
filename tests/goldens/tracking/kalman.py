"""Makes kalman.json: the constant-velocity Kalman filter of DeepSORT/ByteTrack in 8 x 8 matrices.

Wojke, Bewley, Paulus, "Simple online and realtime tracking with a deep association metric", ICIP 2017: state
(x, y, a, h, vx, vy, va, vh), deviations 1/20 and 1/160 of the height. Run (numpy 1.24):
python3 kalman.py > kalman.json && biome format --write kalman.json
"""
import json
import numpy as np

F = np.block([[np.eye(4), np.eye(4)], [np.zeros((4, 4)), np.eye(4)]])
H = np.hstack([np.eye(4), np.zeros((4, 4))])


def diag(h, position, speed, aspect, aspect_speed):
    p, v = position * h / 20, speed * h / 160
    return np.diag(np.square([p, p, aspect, p, v, v, aspect_speed, v]))


def measurement(box):
    x1, y1, x2, y2 = box
    return np.array([(x1 + x2) / 2, (y1 + y2) / 2, (x2 - x1) / (y2 - y1), y2 - y1])


def spread(x, P):
    p = x[3] / 20
    return H @ P @ H.T + np.diag(np.square([p, p, 1e-1, p]))


def blocks(P):
    """(8, 8) -> (12): per value its variance, covariance with its speed, variance of the speed; the rest must be 0."""
    kept = sum(np.abs(P[i, j]) for i in range(8) for j in range(8) if i % 4 == j % 4)
    assert np.isclose(np.abs(P).sum(), kept, rtol=1e-15)
    return [float(v) for i in range(4) for v in (P[i, i], P[i, i + 4], P[i + 4, i + 4])]


def run(boxes):
    """boxes: list of box or None (not seen). Returns every state after its frame."""
    z = measurement(boxes[0])
    x, P = np.concatenate([z, np.zeros(4)]), diag(z[3], 2, 10, 1e-2, 1e-5)
    out, lost = [], False
    for box in boxes[1:]:
        if lost:
            x = x.copy()
            x[7] = 0
        Q = diag(x[3], 1, 1, 1e-2, 1e-5)
        x, P = F @ x, F @ P @ F.T + Q
        if box is not None:
            S = spread(x, P)
            y = measurement(box) - H @ x
            K = P @ H.T @ np.linalg.inv(S)
            x, P = x + K @ y, (np.eye(8) - K @ H) @ P
        lost = box is None
        out.append({"mean": x.tolist(), "covariance": blocks(P)})
    return out


def walk(seed, frames):
    rng = np.random.default_rng(seed)
    x, y, w, h = rng.uniform(100, 900), rng.uniform(100, 500), rng.uniform(20, 200), rng.uniform(30, 250)
    vx, vy = rng.normal(0, 10, 2)
    boxes = []
    for n in range(frames):
        x, y, w, h = x + vx, y + vy, w * rng.uniform(0.95, 1.05), h * rng.uniform(0.95, 1.05)
        seen = n == 0 or rng.uniform() > 0.25
        boxes.append([round(float(v), 3) for v in (x - w / 2, y - h / 2, x + w / 2, y + h / 2)] if seen else None)
    return boxes


sequences = [walk(seed, 16) for seed in range(3)]
print(json.dumps([{"boxes": boxes, "states": run(boxes)} for boxes in sequences]))
