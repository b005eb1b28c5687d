"""Makes the goldens of this folder that come from Python: an independent implementation of every detector's decoding and of
face alignment, over another runtime of the same weights. Nothing of engine/ is used.

    apt-get install python3-opencv
    /usr/bin/python3 tests/goldens/models/generate.py SHARED WORK

SHARED is the folder with models/*.onnx; WORK gets the chips that generate-tfjs.mjs reads. Networks run in OpenCV's DNN module
(Debian 12's 4.6), but MediaPipe's in tflite_numpy.py, straight from the .tflite. OpenCV 4.6 has FaceDetectorYN only for an
older YuNet, and reads SCRFD only after its input size is written into the file (a change of six bytes in memory).
Pictures are resized with OpenCV's INTER_AREA, chips cut with its warpAffine."""

import json
import re
import sys
from pathlib import Path

import cv2
import numpy as np
from tflite_numpy import Interpreter

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
PHOTOS = ROOT / "node_modules/@vladmandic/face-api/demo"
PICTURES = [f"sample{i}.jpg" for i in range(1, 7)]
OPENCV = f"OpenCV {cv2.__version__} DNN, decoded in numpy (generate.py)"
TIE = 0.01  # two scores this near are one score
# skimage-style template of ArcFace, 112 x 112 (InsightFace, face_align.py)
TEMPLATE = np.array([[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]])


def letterbox(image, width, height):
    scale = min(width / image.shape[1], height / image.shape[0])
    inner = round(image.shape[1] * scale), round(image.shape[0] * scale)
    canvas = np.zeros((height, width, 3), np.uint8)
    canvas[: inner[1], : inner[0]] = cv2.resize(image, inner, interpolation=cv2.INTER_AREA)
    return canvas, np.array([image.shape[1] / inner[0], image.shape[0] / inner[1]])


def follow(image, limit=640):
    scale = min(limit / image.shape[1], limit / image.shape[0])
    return [-(-round(side * scale) // 32) * 32 for side in (image.shape[1], image.shape[0])]


def forward(net, blob):
    net.setInput(blob)
    names = net.getUnconnectedOutLayersNames()
    return dict(zip(names, net.forward(names)))


def centres(rows, columns, stride, shift, repeat=1):
    y, x = np.mgrid[:rows, :columns]
    return np.repeat((np.stack([x, y], -1).reshape(-1, 2) + shift) * stride, repeat, 0)


def corners(middle, size):
    return np.hstack([middle - size / 2, middle + size / 2])


def scrfd(file):
    raw = open(file, "rb").read()

    def detect(image):
        width, height = follow(image)
        sized = raw
        for side in (height, width):  # dim_param "?" -> dim_value, both of three bytes
            value = bytes([8, side & 127 | 128, side >> 7])
            sized = sized.replace(b"\x0a\x03\x12\x01?", b"\x0a\x03" + value, 1)
        net = cv2.dnn.readNetFromONNX(np.frombuffer(sized, np.uint8))
        canvas, ratio = letterbox(image, width, height)
        out = list(forward(net, cv2.dnn.blobFromImage(canvas, 1 / 128, None, (127.5,) * 3, swapRB=True)).values())
        out = [o.reshape(-1, o.shape[-1]) for o in out]
        found = []
        for stride in (8, 16, 32):
            at = centres(height // stride, width // stride, stride, 0, 2)
            score, box, points = (next(o for o in out if o.shape == (len(at), n)) for n in (1, 4, 10))
            boxes = np.hstack([at - box[:, :2] * stride, at + box[:, 2:] * stride])
            found.append((score[:, 0], boxes, at[:, None] + points.reshape(-1, 5, 2) * stride))
        return joined(found, ratio)

    return detect


def yunet(file):
    def detect(image):
        width, height = follow(image)
        canvas, ratio = letterbox(image, width, height)
        out = forward(cv2.dnn.readNetFromONNX(str(file)), cv2.dnn.blobFromImage(canvas))
        found = []
        for stride in (8, 16, 32):
            at = centres(height // stride, width // stride, 1, 0)
            box, points = out[f"bbox_{stride}"][0], out[f"kps_{stride}"][0].reshape(-1, 5, 2)
            score = np.sqrt(np.clip(out[f"cls_{stride}"].ravel(), 0, 1) * np.clip(out[f"obj_{stride}"].ravel(), 0, 1))
            boxes = corners((at + box[:, :2]) * stride, np.exp(box[:, 2:]) * stride)
            found.append((score, boxes, (at[:, None] + points) * stride))
        return joined(found, ratio)

    return detect


def retinaface(file):
    net = cv2.dnn.readNetFromONNX(str(file))
    middles = np.vstack([centres(640 // s, 640 // s, s, 0.5, 2) for s in (8, 16, 32)])
    sides = np.hstack([np.tile(pair, (640 // s) ** 2) for s, pair in ((8, (16, 32)), (16, (64, 128)), (32, (256, 512)))])[:, None]

    def detect(image):
        canvas, ratio = letterbox(image, 640, 640)
        out = {o.shape[-1]: o[0] for o in forward(net, cv2.dnn.blobFromImage(canvas, 1, None, (104, 117, 123))).values()}
        boxes = corners(middles + out[4][:, :2] * 0.1 * sides, sides * np.exp(out[4][:, 2:] * 0.2))
        points = middles[:, None] + out[10].reshape(-1, 5, 2) * 0.1 * sides[:, None]
        return joined([(out[2][:, 1], boxes, points)], ratio)

    return detect


def yoloface(file):
    net = cv2.dnn.readNetFromONNX(str(file))

    def detect(image):
        canvas, ratio = letterbox(image, 640, 640)
        found = []
        for out in forward(net, cv2.dnn.blobFromImage(canvas, 1 / 255, swapRB=True)).values():
            rows = out.shape[2]
            stride = 640 / rows
            cells = out[0].reshape(80, -1).T
            power = np.exp(cells[:, :64].reshape(-1, 4, 16))
            sides = (power @ np.arange(16)) / power.sum(-1) * stride
            at = centres(rows, rows, 1, 0)
            middle = (at + 0.5) * stride
            boxes = np.hstack([middle - sides[:, :2], middle + sides[:, 2:]])
            points = (cells[:, 65:].reshape(-1, 5, 3)[:, :, :2] * 2 + at[:, None]) * stride
            found.append((1 / (1 + np.exp(-cells[:, 64])), boxes, points))
        return joined(found, ratio)

    return detect


def mediapipe(file):
    net = Interpreter(file)

    def view(image, limit, room=0):
        """The whole picture, fitted into `limit` (width, height), in multiples of 32 pixels, with `room` black ones round it."""
        height, width = image.shape[:2]
        scale = min((limit[0] - 2 * room) / width, (limit[1] - 2 * room) / height)
        inner = [int(np.floor(side * scale + 0.5)) for side in (width, height)]
        size = [-(-(side + 2 * room) // 32) * 32 for side in inner]
        canvas = np.zeros((size[1], size[0], 3), np.uint8)
        left, top = [(outer - side) // 2 if room else 0 for outer, side in zip(size, inner)]
        canvas[top : top + inner[1], left : left + inner[0]] = cv2.resize(image, inner, interpolation=cv2.INTER_AREA)
        out = {o.shape[-1]: o[0] for o in net.run(canvas[None, :, :, ::-1].astype(np.float32) / 127.5 - 1)}
        at = centres(size[1] // 4, size[0] // 4, 4, 0.5)
        points = (at[:, None] + out[16][:, 4:].reshape(-1, 6, 2))[:, :4]
        eyes = points[:, 1] - points[:, 0]
        mouth = points[:, 3]
        five = np.stack([*points.transpose(1, 0, 2)[:3], mouth - 0.414 * eyes, mouth + 0.414 * eyes], 1) - [left, top]
        boxes = corners(at + out[16][:, :2], out[16][:, 2:4]) - [left, top, left, top]
        score = 1 / (1 + np.exp(-np.clip(out[1][:, 0], -100, 100)))
        return joined([(score, boxes, five)], np.array([width / inner[0], height / inner[1]]))

    def detect(image):
        """The look with room round the picture is left out: what it adds has tests of its own."""
        height, width = image.shape[:2]
        large = [192 * side / min(width, height) for side in (width, height)]
        return joined([view(image, (192, 192)), view(image, large)], np.ones(2))

    return detect


def joined(found, ratio):
    score, boxes, points = (np.concatenate(part) for part in zip(*found))
    return score, boxes * np.tile(ratio, 2), points * ratio


def overlaps(box, boxes):
    inner = np.clip(np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2]), 0, None).prod(1)
    return inner / ((box[2:] - box[:2]).prod() + (boxes[:, 2:] - boxes[:, :2]).prod(1) - inner)


def face(score, box, points):
    return {"score": round(float(score), 5), "box": np.round(box, 3).tolist(), "landmarks": np.round(points, 3).tolist()}


def suppress(score, boxes, points, confidence, iou, weighted):
    keep = score >= confidence
    score, boxes, points = score[keep], boxes[keep], points[keep]
    faces, left = [], np.argsort(-score, kind="stable")
    while len(left):
        same = overlaps(boxes[left[0]], boxes[left]) >= iou
        group = left[same] if weighted else left[:1]
        share = score[group] / score[group].sum()
        faces.append(face(score[left[0]], share @ boxes[group], np.tensordot(share, points[group], 1)))
        # Neighbouring cells may tie: which of them wins depends on the last grey level of the resized picture.
        rivals = [i for i in left[same][1:] if score[i] >= score[left[0]] - TIE and not weighted]
        if rivals:
            faces[-1]["rivals"] = [face(score[i], boxes[i], points[i]) for i in rivals]
        left = left[~same]
    return faces


def umeyama(source, target):
    """Similarity by singular value decomposition, as in the paper; the engine uses a closed form."""
    a, b = source - source.mean(0), target - target.mean(0)
    u, d, vt = np.linalg.svd(b.T @ a / len(a))
    sign = np.diag([1, np.sign(np.linalg.det(u @ vt))])
    rotation = u @ sign @ vt
    scale = (d * np.diag(sign)).sum() / a.var(0).sum()
    return np.hstack([scale * rotation, (target.mean(0) - scale * rotation @ source.mean(0))[:, None]])


def chip(image, landmarks, side, four):
    source, target = np.array(landmarks), TEMPLATE * side / 112
    if four:
        source, target = (np.vstack([p[:3], p[3:].mean(0)]) for p in (source, target))
    matrix = umeyama(source, target)
    finer = int(np.ceil(1 / np.sqrt(np.linalg.det(matrix[:, :2]))))  # supersampling: as fine as the picture
    if finer > 1:
        matrix = matrix * finer + [[0, 0, (finer - 1) / 2]] * 2
    big = cv2.warpAffine(image, matrix, (side * finer,) * 2, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return cv2.resize(big, (side, side), interpolation=cv2.INTER_AREA) if finer > 1 else big


def write(name, content):
    text = json.dumps(content, indent=1)
    text = re.sub(r"\[\s+([-\d.e,\s]+?)\s+\]", lambda m: "[" + re.sub(r"\s+", " ", m.group(1)) + "]", text)
    (HERE / f"{name}.json").write_text(text + "\n")
    print(name, {k: len(v) for k, v in content["faces"].items()})


def main(shared, work):
    models = Path(shared) / "models"
    package = ROOT / "node_modules/@mediapipe/face_detection"
    images = {name: cv2.imread(str(PHOTOS / name)) for name in PICTURES}
    detectors = {
        "scrfd_500m": (scrfd(models / "scrfd_500m_kps.onnx"), 0.5, 0.4),
        "scrfd_2_5g": (scrfd(models / "scrfd_2.5g_kps.onnx"), 0.5, 0.4),
        "yunet": (yunet(models / "face_detection_yunet_2026may.onnx"), 0.6, 0.3),
        "retinaface_mobile025": (retinaface(models / "retinaface_mobile025.onnx"), 0.5, 0.4),
        "yoloface_lite": (yoloface(models / "yolov8-lite-t-face.onnx"), 0.4, 0.5),
        # 0.44: at 0.4 several cells lie so near the threshold that one grey level decides which of them are averaged.
        "mediapipe_face_full": (mediapipe(package / "face_detection_full_range.tflite"), 0.44, 0.3),
    }
    goldens = {}
    for name, (detect, confidence, iou) in detectors.items():
        own = name == "mediapipe_face_full"
        faces = {p: suppress(*detect(image), confidence, iou, own) for p, image in images.items()}
        against = "the .tflite interpreted in numpy (tflite_numpy.py), decoded and merged in numpy (generate.py)"
        goldens[name] = {"checked_against": against if own else OPENCV, "units": "pixels of the picture",
                         "confidence_th": confidence, "iou_th": iou, "faces": faces}
        write(name, goldens[name])

    Path(work).mkdir(parents=True, exist_ok=True)
    net = cv2.dnn.readNetFromONNX(str(models / "arcface_mobilefacenet_ms1m_128.onnx"))
    five, four = {}, {}
    for picture in PICTURES[:3]:
        best = lambda name: max(goldens[name]["faces"][picture], key=lambda f: f["score"])["landmarks"]
        points = best("scrfd_2_5g")
        blob = cv2.dnn.blobFromImage(chip(images[picture], points, 112, False), swapRB=True)  # the graph normalises
        vector = forward(net, blob)["embedding"][0]
        five[picture] = [{"landmarks": points, "vector": np.round(vector / np.linalg.norm(vector), 6).tolist()}]
        points = best("mediapipe_face_full")
        chip(images[picture], points, 224, True)[:, :, ::-1].tofile(str(Path(work) / f"{picture}.rgb"))
        four[picture] = [{"landmarks": points}]
    write("arcface_mobilefacenet", {"checked_against": OPENCV + ", chips by SVD Umeyama and warpAffine",
                                    "units": "landmarks in pixels of the picture", "faces": five})
    (Path(work) / "faceres.json").write_text(json.dumps(four))


main(*sys.argv[1:3])
