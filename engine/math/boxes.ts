import type { Box, Point } from '#engine/core/image.ts';

/** Area in the square of the box's own unit; 0 for an empty or inverted box. */
export function area([x1, y1, x2, y2]: Box): number {
  return Math.max(0, x2 - x1) * Math.max(0, y2 - y1);
}

/** Area that both boxes cover. */
export function intersection(a: Box, b: Box): number {
  const width = Math.min(a[2], b[2]) - Math.max(a[0], b[0]);
  const height = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  return width > 0 && height > 0 ? width * height : 0;
}

/** Intersection over union, 0..1. The same in pixels and in fractions of the frame: scaling an axis cancels out. */
export function iou(a: Box, b: Box): number {
  const both = intersection(a, b);
  return both === 0 ? 0 : both / (area(a) + area(b) - both);
}

/** Intersection over the smaller box, 0..1: 1 when one box lies inside the other. */
export function overlap(a: Box, b: Box): number {
  const both = intersection(a, b);
  return both === 0 ? 0 : both / Math.min(area(a), area(b));
}

export function centre([x1, y1, x2, y2]: Box): Point {
  return [(x1 + x2) / 2, (y1 + y2) / 2];
}

/** The part of the box inside the frame (0..1); a box outside it becomes empty, on the nearest edge. */
export function clip([x1, y1, x2, y2]: Box): Box {
  return [unit(x1), unit(y1), unit(x2), unit(y2)];
}

function unit(value: number): number {
  return Math.min(1, Math.max(0, value));
}
