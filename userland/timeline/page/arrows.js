// SPDX-License-Identifier: MIT
// Who woke whom, as an arrow: from where the waker ran at that moment to where the woken thread got
// its core. An interrupt wakes from no lane: its arrow begins at a small diamond beside the slice.

const arrowLimit = 300;

// Both ends in CSS pixels, as the lanes are now; null: nothing to be seen of it.
function arrowOf(i) {
  const kind = slices.kinds[slices.kind[i]], t = slices.thread[i];
  const at = slices.waking[i];
  if (kind.because !== woken && kind.because !== created || at < 0 || t === nobody) return null;
  const to = laneOfThread[t];
  if (!to) return null;
  const peer = slices.peer[i];
  const from = peer === nobody || inInterrupt(kind.context) ? null : laneOfThread[peer];
  const end = {x: xOf(slices.begin[i]) / view.dpr, y: laneMiddle(to), lane: to};
  const begin = {x: xOf(at) / view.dpr, y: from ? laneMiddle(from) : end.y, lane: from};
  return {begin, end, interrupt: !from, context: kind.context};
}

const laneMiddle = lane => laneTop(lane) + lane.height / 2;
const hiddenAbove = point => point.lane && point.y < clipTop(point.lane);

function drawArrows(context) {
  context.save();
  const clip = coresPinned() ? coresHeight : 0;
  context.beginPath();
  context.rect(0, clip, view.width, view.height - clip);
  context.clip();
  view.arrowCount = 0;
  if (view.arrows) {
    const all = wakeupsInView();
    view.arrowCount = all.length;
    if (all.length <= arrowLimit) for (const i of all) drawArrow(context, i, 0.55, 1);
  }
  context.restore();
  if (view.selected >= 0) drawSelectedArrow(context, clip);
  byId('arrows').classList.toggle('over', view.arrows && view.arrowCount > arrowLimit);
}

// In the thread lanes, and once more among the core lanes.
function drawSelectedArrow(context, clip) {
  context.save();
  context.beginPath();
  context.rect(0, clip, view.width, view.height - clip);
  context.clip();
  drawArrow(context, view.selected, 1, 2);
  context.restore();
  const i = view.selected, kind = slices.kinds[slices.kind[i]], peer = slices.peer[i];
  if (kind.because !== woken || peer === nobody || slices.waking[i] < 0 || isPending(i)) return;
  const k = inInterrupt(kind.context) ? -1 : placeBefore(peer, slices.waking[i]);
  const source = k < 0 ? -1 : byThread.ids[k];
  if (source < 0 || slices.end[source] < slices.waking[i]) return;
  const a = coreLane(slices.lane[source]), b = coreLane(slices.lane[i]);
  const begin = {x: xOf(slices.waking[i]) / view.dpr, y: laneMiddle(a)};
  const end = {x: xOf(slices.begin[i]) / view.dpr, y: laneMiddle(b)};
  strokeArrow(context, begin, end, 1, 2);
}

function wakeupsInView() {
  const list = [];
  for (let lane = 0; lane < facts.lanes.length - 1 && list.length <= 20 * arrowLimit; ++lane) {
    const last = slices.laneStart[lane + 1];
    for (let i = firstAbove(slices.begin, view.from, slices.laneStart[lane], last);
      i < last && slices.begin[i] < view.to && list.length <= 20 * arrowLimit; ++i)
      if (slices.kinds[slices.kind[i]].because === woken && slices.waking[i] >= 0 && slices.peer[i] !== nobody) list.push(i);
  }
  return list;
}

function drawArrow(context, i, alpha, wide) {
  const arrow = arrowOf(i);
  if (!arrow) return;
  const {begin, end} = arrow;
  if (Math.max(begin.x, end.x) < -50 || Math.min(begin.x, end.x) > view.width + 50) return;
  if (Math.max(begin.y, end.y) < 0 || Math.min(begin.y, end.y) > view.height) return;
  if (arrow.interrupt) {
    if (wide > 1) drawInterrupt(context, begin.x, end);
    return;
  }
  if (hiddenAbove(begin) && hiddenAbove(end)) return;
  strokeArrow(context, begin, end, alpha, wide);
}

function strokeArrow(context, begin, end, alpha, wide) {
  const bend = Math.max(10, Math.min(60, Math.abs(end.x - begin.x) / 2));
  const curve = (colour, width) => {
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.beginPath();
    context.moveTo(begin.x, begin.y);
    context.bezierCurveTo(begin.x + bend, begin.y, end.x - bend, end.y, end.x - 4, end.y);
    context.stroke();
  };
  context.globalAlpha = alpha;
  if (wide > 1) curve(cssOf(theme.paper), wide + 2.5);
  curve(cssOf(theme.accent), wide);
  context.fillStyle = cssOf(theme.accent);
  context.beginPath();
  context.arc(begin.x, begin.y, 1 + wide, 0, 7);
  context.fill();
  const size = 3 + 1.6 * wide;
  context.beginPath();
  context.moveTo(end.x, end.y);
  context.lineTo(end.x - size - 2, end.y - size / 1.5);
  context.lineTo(end.x - size - 2, end.y + size / 1.5);
  context.fill();
  context.globalAlpha = 1;
}

function drawInterrupt(context, x, end) {
  const left = Math.min(x, end.x - 12);
  context.fillStyle = context.strokeStyle = cssOf(theme.accent);
  context.lineWidth = 2;
  context.beginPath();
  context.moveTo(left, end.y);
  context.lineTo(end.x - 2, end.y);
  context.stroke();
  context.beginPath();
  context.moveTo(left - 5, end.y);
  context.lineTo(left, end.y - 5);
  context.lineTo(left + 5, end.y);
  context.lineTo(left, end.y + 5);
  context.fill();
}
