// SPDX-License-Identifier: MIT
// What does one frame consist of? The lanes' pixels, then what is written and drawn on top of them:
// names, reasons, the selected slice, arrows. Only what is in view is touched.

let raster, miniRaster;
const inset = {loop: 3, ring: 3, core: 3, process: 4, role: 3, thread: 3, section: 0};
const labelLimit = 600;  // more couldn't be read anyway

const xOf = ns => (ns - view.from) * raster.width / (view.to - view.from);

function drawLanes() {
  const frame = frameOf(raster, view.from, view.to), dpr = view.dpr;
  raster.clip(0, raster.height);
  raster.clear(tint.paper);
  const visible = lanes.filter(lane => {
    const top = laneTop(lane);
    return top + lane.height > clipTop(lane) && top < view.height;
  });
  drawGrid(frame);
  for (const lane of visible) {
    const pad = inset[lane.type], top = Math.round((laneTop(lane) + pad) * dpr);
    const height = Math.round((lane.height - 2 * pad) * dpr);
    raster.clip(Math.round(clipTop(lane) * dpr), raster.height);
    if (lane.type === 'core') {
      raster.rect(0, raster.width, top, top + height, tint.lane);
      drawGrid(frame, top, top + height);
      paintCore(frame, lane.core, top, height);
    } else if (lane.type === 'loop') paintLoop(frame, lane.loop, top, height);
    else if (lane.type === 'ring') paintRing(frame, lane.ring, top, height);
    else if (lane.type === 'thread') paintThread(frame, lane.thread, top, height);
    else if (lane.type !== 'section') paintGroup(frame, lane.group, top, height);
  }
  raster.clip(0, raster.height);
  if (coresPinned()) raster.rect(0, raster.width, Math.round(coresHeight * dpr) - 1, Math.round(coresHeight * dpr), tint.line);
  raster.show();
  drawOver(visible);
}

function drawGrid(frame, top = 0, bottom = raster.height) {
  for (const ns of ticks()) {
    const x = Math.round(xOf(ns));
    raster.rect(x, x + 1, top, bottom, tint.faint);
  }
}

function drawOver(visible) {
  const context = raster.context, dpr = view.dpr;
  context.save();
  context.setTransform(dpr, 0, 0, dpr, 0, 0);
  context.font = '11px ' + theme.font;
  context.textBaseline = 'middle';
  const letter = context.measureText('m').width;
  let labels = 0;
  for (const lane of visible) {
    if (labels > labelLimit) break;
    const clip = clipTop(lane), top = laneTop(lane);
    if (top + lane.height / 2 < clip) continue;
    if (lane.type === 'loop') labels += labelLoop(context, lane, top, letter);
    if (lane.type === 'ring') labels += labelRing(context, lane, top, letter);
    if (lane.type === 'core') labels += labelCore(context, lane, top, letter);
    if (lane.type === 'thread') labels += labelThread(context, lane, top, letter);
  }
  drawSelection(context);
  drawArrows(context);
  if (view.range) drawRange(context);
  context.restore();
}

function fitText(text, width, letter) {
  const fits = Math.floor(width / letter);
  return text.length <= fits ? text : fits >= 3 ? text.slice(0, fits - 1) + '…' : '';
}

// Names of the slices that are wide enough, with the reason's letter at their end.
function labelCore(context, lane, top, letter) {
  if (levelFor(lane.core, frameOf(raster, view.from, view.to))) return 0;
  const last = slices.laneStart[lane.core + 1], dpr = view.dpr, middle = top + lane.height / 2 + 0.5;
  let labels = 0;
  const narrow = (view.to - view.from) * 26 * dpr / raster.width;
  for (let i = firstAbove(slices.end, view.from, slices.laneStart[lane.core], last);
    i < last && slices.begin[i] < view.to && labels < labelLimit; ++i) {
    if (slices.end[i] - slices.begin[i] < narrow) continue;
    const x0 = Math.max(0, xOf(slices.begin[i]) / dpr), x1 = Math.min(view.width, xOf(slices.end[i]) / dpr);
    const t = slices.thread[i];
    context.fillStyle = isDim(t) ? cssOf(mix(theme.ink, theme.paper, 0.6)) : inkOn(t === nobody ? theme.other : threadRgb[t]);
    const mark = leavingOf[slices.kind[i]].letter, room = x1 - x0 - 10;
    const withMark = room > 9 * letter;
    const width = room - (withMark ? 2 * letter : 0), long = threadLong(t);
    const text = long.length * letter <= width ? long : fitText(threadName(t), width, letter);
    if (!text) continue;
    context.globalAlpha = 1;
    context.fillText(text, x0 + 5, middle);
    context.globalAlpha = 0.65;
    if (withMark) context.fillText(mark, x1 - 5 - letter, middle);
    context.globalAlpha = 1;
    ++labels;
  }
  return labels;
}

// In a thread's lane its name is clear: say where it ran, and why it left.
function labelThread(context, lane, top, letter) {
  const t = lane.thread, dpr = view.dpr, middle = top + lane.height / 2 + 0.5;
  const high = begun(t, view.to);
  let k = begun(t, view.from), labels = 0;
  if (k > byThread.start[t]) --k;
  if (high - k > 3 * raster.width) return 0;
  const narrow = (view.to - view.from) * 16 * dpr / raster.width;
  for (; k < high && labels < labelLimit; ++k) {
    if (byThread.end[k] - byThread.begin[k] < narrow) continue;
    const x0 = Math.max(0, xOf(byThread.begin[k]) / dpr), x1 = Math.min(view.width, xOf(byThread.end[k]) / dpr);
    if (x1 - x0 < 14) continue;
    const i = byThread.ids[k];
    const colour = view.colours === 'thread' ? threadRgb[t] : view.colours === 'core'
      ? paletteColour(slices.lane[i]) : rgbOf(reasonColours[leavingOf[slices.kind[i]].colour]);
    context.fillStyle = isDim(t) ? cssOf(mix(theme.ink, theme.paper, 0.6)) : inkOn(colour);
    const mark = leavingOf[slices.kind[i]].letter;
    const cpu = 'CPU ' + facts.lanes[slices.lane[i]].cpu;
    if (x1 - x0 > letter * (cpu.length + 3) + 10) context.fillText(cpu, x0 + 5, middle);
    context.globalAlpha = 0.75;
    context.fillText(mark, x1 - 4 - letter, middle);
    context.globalAlpha = 1;
    ++labels;
  }
  return labels;
}

function outline(context, lane, from, to, colour, wide) {
  if (!lane) return;
  const pad = inset[lane.type], top = laneTop(lane) + pad, clip = clipTop(lane);
  if (top + lane.height < clip || top > view.height) return;
  const x0 = xOf(from) / view.dpr, x1 = Math.max(xOf(to) / view.dpr, x0 + 2);
  context.save();
  context.beginPath();
  context.rect(0, clip, view.width, view.height - clip);
  context.clip();
  context.strokeStyle = theme.dark ? '#0d1013' : '#ffffff';
  context.lineWidth = wide + 2;
  context.strokeRect(x0 - 1, top - 1, x1 - x0 + 2, lane.height - 2 * pad + 2);
  context.strokeStyle = colour;
  context.lineWidth = wide;
  context.strokeRect(x0 - 1, top - 1, x1 - x0 + 2, lane.height - 2 * pad + 2);
  context.restore();
}

const coreLane = core => lanes.find(lane => lane.type === 'core' && lane.core === core);

function drawSelection(context) {
  const ink = cssOf(theme.ink);
  if (view.block) {
    const {loop, block} = view.block;
    outline(context, lanes.find(lane => lane.loop === loop), block.begin_ns, block.end_ns, ink, 2);
  }
  if (view.stretch) {
    const {ring, stretch} = view.stretch;
    outline(context, lanes.find(lane => lane.ring === ring), stretch.begin_ns, stretch.end_ns, ink, 2);
  }
  for (const [i, wide] of [[view.hover, 1], [view.selected, 2]]) {
    if (i < 0 || (wide === 1 && i === view.selected)) continue;
    const t = slices.thread[i];
    if (!isPending(i)) outline(context, coreLane(slices.lane[i]), slices.begin[i], slices.end[i], ink, wide);
    if (t === nobody) continue;
    const pending = isPending(i);
    outline(context, laneOfThread[t], pending ? slices.begin[i] - slices.wait[i] : slices.begin[i], slices.end[i], ink, wide);
  }
}

function drawRange(context) {
  const [a, b] = [Math.min(...view.range), Math.max(...view.range)];
  context.fillStyle = cssOf(theme.accent);
  context.globalAlpha = 0.16;
  context.fillRect(a, 0, b - a, view.height);
  context.globalAlpha = 1;
  context.fillRect(a, 0, 1, view.height);
  context.fillRect(b, 0, 1, view.height);
  const text = duration((b - a) / view.width * (view.to - view.from));
  context.fillText(text, Math.min(a + 4, view.width - 70), view.height - 10);
}
