"""Makes bytetrack.json: a second, compact ByteTrack (Zhang et al., ECCV 2022, algorithm 1) on seeded sequences.

Kalman filter in 8 x 8 matrices, assignment by scipy. Beyond the paper, as in its authors' code: tracks seen once are
matched last (IoU >= 0.3) and dropped when missed, and births need track_thresh + 0.1. Beyond both: a last round with
boxes grown by 0.3 (C-BIoU). Run (numpy 1.24, scipy 1.10):
python3 bytetrack.py > bytetrack.json && biome format --write bytetrack.json
"""
import json
import numpy as np
from scipy.optimize import linear_sum_assignment

W, H, FPS = 1280, 720, 8
HIGH, MATCH, BUFFER = 0.6, 0.8, 30
F = np.eye(8) + np.eye(8, k=4)
C = np.eye(4, 8)


def noise(h, pos, vel, a, va):
    return np.diag(np.array([pos * h / 20, pos * h / 20, a, pos * h / 20, vel * h / 160, vel * h / 160, va, vel * h / 160]) ** 2)


def xyah(b):
    return np.array([(b[0] + b[2]) / 2, (b[1] + b[3]) / 2, (b[2] - b[0]) / (b[3] - b[1]), b[3] - b[1]])


class Track:
    def __init__(self, number, box, frame):
        z = xyah(box)
        self.id, self.frame, self.hits, self.missed = number, frame, 1, False
        self.x, self.P = np.r_[z, np.zeros(4)], noise(z[3], 2, 10, 1e-2, 1e-5)

    def predict(self):
        if self.missed:
            self.x[7] = 0
        Q = noise(self.x[3], 1, 1, 1e-2, 1e-5)
        self.x, self.P = F @ self.x, F @ self.P @ F.T + Q

    def see(self, box, frame):
        R = noise(self.x[3], 1, 0, 1e-1, 0)[:4, :4]
        K = self.P @ C.T @ np.linalg.inv(C @ self.P @ C.T + R)
        self.x = self.x + K @ (xyah(box) - C @ self.x)
        self.P = self.P - K @ C @ self.P
        self.frame, self.hits, self.missed = frame, self.hits + 1, False

    def box(self):
        x, y, a, h = self.x[:4]
        return np.array([x - a * h / 2, y - h / 2, x + a * h / 2, y + h / 2])


def distance(p, q, margin):
    p, q = (b + margin * np.array([b[0] - b[2], b[1] - b[3], b[2] - b[0], b[3] - b[1]]) for b in (p, q))
    w, h = np.minimum(p[2:], q[2:]) - np.maximum(p[:2], q[:2])
    if w <= 0 or h <= 0:
        return 1.0
    return 1 - w * h / (np.prod(p[2:] - p[:2]) + np.prod(q[2:] - q[:2]) - w * h)


def match(tracks, boxes, limit, margin=0.0):
    """Pairs of least total cost, a track or a box alone costing limit / 2 each (as lap's cost_limit does)."""
    n, m = len(tracks), len(boxes)
    if n == 0 or m == 0:
        return []
    D = np.array([[distance(t.box(), b, margin) for b in boxes] for t in tracks])
    big = np.full((n + m, n + m), limit / 2)
    big[n:, m:] = 0
    big[:n, :m] = np.where(D <= limit, D, 1e6)
    return [(i, j) for i, j in zip(*linear_sum_assignment(big)) if i < n and j < m]


def track(frames):
    tracks, count, out = [], 0, []
    for n, faces in enumerate(frames):
        boxes = [np.array(f[:4]) * [W, H, W, H] for f in faces]
        tracks = [t for t in tracks if n - t.frame <= np.ceil(BUFFER * FPS / 30)]
        for t in tracks:
            t.predict()
        kind = {id(t): "new" if t.hits == 1 else "lost" if t.missed else "tracked" for t in tracks}
        ids = [-1] * len(faces)
        free = list(tracks)
        rounds = [("tracked lost", True, MATCH, 0), ("tracked", False, 0.5, 0), ("new", True, 0.7, 0), ("tracked new", True, MATCH, 0.3)]
        for kinds, high, limit, margin in rounds:
            rows = [t for t in free if kind[id(t)] in kinds.split()]
            cols = [j for j, f in enumerate(faces) if ids[j] < 0 and (f[4] >= HIGH) == high and f[4] > 0.1]
            for i, j in match(rows, [boxes[j] for j in cols], limit, margin):
                rows[i].see(boxes[cols[j]], n)
                ids[cols[j]] = rows[i].id
                free.remove(rows[i])
        for t in free:
            t.missed = True
        tracks = [t for t in tracks if not (t.missed and t.hits == 1)]
        for j, f in enumerate(faces):
            if ids[j] < 0 and f[4] >= HIGH + 0.1:
                tracks.append(Track(count, boxes[j], n))
                ids[j], count = count, count + 1
        out.append(ids)
    return out


def scene(seed, people, frames):
    """People who wander, cross, vanish for a while and are sometimes seen unsurely; some false alarms."""
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(0.1, 0.9, people), rng.uniform(0.3, 0.6, people)
    h, v = rng.uniform(0.1, 0.25, people), rng.normal(0, 0.015, people)
    gone, out = np.zeros(people, int), []
    growth = rng.uniform(0.97, 1.03, people)
    for _ in range(frames):
        h = np.clip(h * growth, 0.08, 0.35)
        v = np.where((x < 0.05) | (x > 0.95), -v, v + rng.normal(0, 0.004, people))
        x, y = x + v, y + rng.normal(0, 0.006, people)
        gone = np.where(gone > 0, gone - 1, np.where(rng.uniform(size=people) < 0.06, rng.integers(1, 12, people), 0))
        boxes = [(x[p], y[p], h[p]) for p in rng.permutation(people) if gone[p] == 0]
        if rng.uniform() < 0.1:
            boxes.append((*rng.uniform(0.1, 0.9, 2), 0.15))
        faces = [[cx - s * 0.2, cy - s / 2, cx + s * 0.2, cy + s / 2, rng.choice([0.95, 0.8, 0.65, 0.5])] for cx, cy, s in boxes]
        out.append([[round(float(a), 4) for a in face] for face in faces])
    return out


scenes = [scene(seed, 3 + seed, 40) for seed in range(3)]
print(json.dumps([{"frames": frames, "ids": track(frames)} for frames in scenes]))
