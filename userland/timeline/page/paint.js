// SPDX-License-Identifier: MIT
// What does a lane look like? Slices wider than a pixel are drawn one by one. Where many share a
// pixel, it becomes a bar as high as their share of its time: the strongest thread below, others
// above it in grey; in a thread's own lane running below, and waiting (hatched) above.

// A window on the recording, as a raster shows it.
function frameOf(raster, from, to) {
  const scale = raster.width / (to - from);
  return {raster, from, to, scale, shift: -Math.round(from * scale) % 8, column: 1 / scale};
}

// How much of the pixel at hand each thread had, and which threads those are.
let had = new Float64Array(0);
const sharers = new Int32Array(4096);
let sharerCount = 0;

function paintCore(frame, core, y, height) {
  const level = levelFor(core, frame);
  if (level) paintBins(frame, level, y, height);
  else paintSlices(frame, core, y, height);
}

// The coarsest level whose bins are no wider than a pixel; none: draw slice by slice.
function levelFor(core, frame) {
  let best = null;
  for (const level of levels[core] || [])
    if (facts.duration_ns / level.bins <= frame.column) best = level;
  return best;
}

function paintBar(frame, x, y, height, busy, top, colour) {
  if (busy <= 0) return;
  const bar = Math.max(1, Math.round(height * Math.min(1, busy)));
  const strong = Math.min(bar, Math.round(height * Math.min(1, top)));
  const floor = y + height;
  if (strong < bar)
    frame.raster.column(x, floor - bar, floor - strong, search.active ? tint.otherDim : tint.other);
  frame.raster.column(x, floor - strong, floor, colour);
}

function paintBins(frame, level, y, height) {
  const perBin = level.bins / facts.duration_ns;
  for (let x = 0; x < frame.raster.width; ++x) {
    const first = Math.max(0, Math.floor((frame.from + x * frame.column) * perBin));
    const end = Math.min(level.bins, Math.max(first + 1, Math.floor((frame.from + (x + 1) * frame.column) * perBin)));
    let busy = 0, top = 0, best = 0, thread = nobody;
    for (let b = first; b < end; ++b) {
      busy += level.busy[b];
      if (level.top[b] > best) { best = level.top[b]; thread = level.thread[b]; }
    }
    for (let b = first; b < end; ++b) if (level.thread[b] === thread) top += level.top[b];
    const whole = 255 * (end - first);
    if (end > first) paintBar(frame, x, y, height, busy / whole, top / whole, threadPixel(thread));
  }
}

function paintSlices(frame, core, y, height) {
  const {from, to, scale, raster} = frame;
  const last = slices.laneStart[core + 1];
  let i = firstAbove(slices.end, from, slices.laneStart[core], last);
  if (had.length !== threads.length) had = new Float64Array(threads.length);
  let column = -1, busy = 0;
  const flush = () => {
    if (column < 0) return;
    let top = 0, thread = nobody;
    for (let n = 0; n < sharerCount; ++n) {
      const t = sharers[n];
      if (had[t] > top) { top = had[t]; thread = t; }
      had[t] = 0;
    }
    sharerCount = 0;
    paintBar(frame, column, y, height, busy, top, threadPixel(thread));
    busy = 0;
    column = -1;
  };
  for (; i < last && slices.begin[i] < to; ++i) {
    const x0 = (slices.begin[i] - from) * scale, x1 = (slices.end[i] - from) * scale;
    const t = slices.thread[i];
    if (x1 - x0 >= 1) {
      flush();
      const a = Math.max(-1, Math.round(x0)), b = Math.min(raster.width + 1, Math.max(a + 1, Math.round(x1)));
      raster.rect(a, b - a > 5 ? b - 1 : b, y, y + height, threadPixel(t));
      continue;
    }
    const at = Math.max(0, Math.min(raster.width - 1, Math.floor((x0 + x1) / 2)));
    if (at !== column) { flush(); column = at; }
    busy += x1 - x0;
    if (t === nobody) continue;
    if (had[t] === 0 && sharerCount < sharers.length) sharers[sharerCount++] = t;
    had[t] += x1 - x0;
  }
  flush();
}

function paintThread(frame, t, y, height) {
  const {from, to, raster, scale} = frame;
  const life = threads[t], foot = y + height - 1;
  raster.rect(Math.round((life.first_ns - from) * scale), Math.round((life.last_ns - from) * scale),
    foot, foot + 1, tint.off);
  const start = byThread.start[t], end = byThread.start[t + 1];
  let low = begun(t, from);
  if (low > start) --low;
  const high = begun(t, to);
  // One more: it may wait already for a slice that begins only after the window.
  if (high - low > 3 * raster.width) paintShares(frame, t, y, height);
  else paintTurns(frame, t, low, Math.min(end, high + 1), y, height);
}

// Waiting in a few pixels would sparkle if it were hatched, so there it is an even tone.
function paintShare(frame, x, y, height, ran, waited, colour, dim, hatched = false) {
  const floor = y + height;
  let run = Math.round(height * Math.min(1, ran)), wait = Math.round(height * Math.min(1, waited));
  if (ran > 0 && run === 0) run = 1;
  if (waited > 0 && wait === 0 && waited > 0.02) wait = 1;
  if (run + wait > height) wait = height - run;
  if (run > 0) frame.raster.column(x, floor - run, floor, colour);
  if (wait <= 0) return;
  if (hatched) frame.raster.hatchColumn(x, floor - run - wait, floor - run, dim ? tint.lane : tint.waitPale,
    dim ? tint.waitDim : tint.wait, frame.shift, hatchPeriod());
  else frame.raster.column(x, floor - run - wait, floor - run, dim ? tint.waitDim : tint.waitFlat);
}

const hatchPeriod = () => view.dpr > 1.5 ? 8 : 4;
function paintWait(frame, x0, x1, y0, y1, dim) {
  if (x1 - x0 < hatchPeriod()) { frame.raster.rect(x0, x1, y0, y1, dim ? tint.waitDim : tint.waitFlat); return; }
  frame.raster.rect(x0, x1, y0, y1, dim ? tint.lane : tint.waitPale);
  frame.raster.hatch(x0, x1, y0, y1, dim ? tint.waitDim : tint.wait, frame.shift, hatchPeriod());
}

// Slice by slice; k counts as in byThread.
function paintTurns(frame, t, low, high, y, height) {
  const {from, scale, raster} = frame, dim = isDim(t);
  let column = -1, ran = 0, waited = 0, longest = 0, colour = 0;
  const flush = () => {
    if (column >= 0) paintShare(frame, column, y, height, ran, waited, colour, dim);
    column = -1;
    ran = waited = longest = 0;
  };
  const part = (a, b, running, k) => {
    const x0 = (a - from) * scale, x1 = (b - from) * scale;
    if (x1 <= 0 || x0 >= raster.width) return;
    if (x1 - x0 < 1) {
      const at = Math.max(0, Math.min(raster.width - 1, Math.floor((x0 + x1) / 2)));
      if (at !== column) { flush(); column = at; }
      if (!running) { waited += x1 - x0; return; }
      ran += x1 - x0;
      if (x1 - x0 >= longest) { longest = x1 - x0; colour = lanePixel(byThread.ids[k], t, dim); }
      return;
    }
    flush();
    const left = Math.max(-1, Math.round(x0)), right = Math.min(raster.width + 1, Math.max(left + 1, Math.round(x1)));
    if (running) raster.rect(left, right, y, y + height, lanePixel(byThread.ids[k], t, dim));
    else paintWait(frame, left, right, y + (height >> 2), y + height, dim);
  };
  for (let k = low; k < high; ++k) {
    const begin = byThread.begin[k], wait = byThread.waited[k + 1] - byThread.waited[k];
    if (wait > 0) part(begin - wait, begin, false, k);
    if (byThread.end[k] > begin) part(begin, byThread.end[k], true, k);
  }
  flush();
}

// Pixel by pixel, by the sums: the work doesn't grow with the number of slices.
function paintShares(frame, t, y, height) {
  const {from, column, raster, scale} = frame, dim = isDim(t);
  const end = byThread.start[t + 1];
  let k = begun(t, from), ran = ranUntil(t, k, from), waited = waitedUntil(t, k, from);
  for (let x = 0; x < raster.width; ++x) {
    const at = from + (x + 1) * column;
    for (let step = 1; k < end && byThread.begin[k] <= at; step *= 2) {  // gallop, then search
      const next = Math.min(end, k + step);
      if (next < end && byThread.begin[next] <= at) { k = next; continue; }
      k = firstAbove(byThread.begin, at, k, next);
      break;
    }
    const ranNow = ranUntil(t, k, at), waitedNow = waitedUntil(t, k, at);
    if (ranNow > ran || waitedNow > waited)
      paintShare(frame, x, y, height, (ranNow - ran) * scale, (waitedNow - waited) * scale,
        lanePixel(byThread.ids[Math.max(byThread.start[t], k - 1)], t, dim), dim);
    ran = ranNow;
    waited = waitedNow;
  }
}

// A group's lane: how many of its threads run and wait at once, against as many as can run.
const cellsRan = new Float32Array(8192), cellsWaited = new Float32Array(8192);
function paintGroup(frame, group, y, height) {
  const {raster, from, to, scale, column} = frame;
  const ran = cellsRan.subarray(0, raster.width).fill(0), waited = cellsWaited.subarray(0, raster.width).fill(0);
  const binNs = facts.duration_ns / groupBins;
  if (binNs <= column) {
    group.sums ??= sumOfThreads(group.members);
    for (let b = Math.max(0, Math.floor(from / binNs)), end = Math.min(groupBins, Math.ceil(to / binNs)); b < end; ++b) {
      const x = Math.max(0, Math.min(raster.width - 1, Math.floor(((b + 0.5) * binNs - from) * scale)));
      ran[x] += group.sums.ran[b] * binNs * scale;
      waited[x] += group.sums.waited[b] * binNs * scale;
    }
  } else {
    for (const t of group.members) spreadThread(frame, t, ran, waited);
  }
  const most = Math.max(1, Math.min(facts.lanes.length - 1, group.members.length));
  const dim = search.active && !group.members.some(t => search.found[t]);
  for (let x = 0; x < raster.width; ++x)
    if (ran[x] > 0 || waited[x] > 0)
      paintShare(frame, x, y, height, ran[x] / most, waited[x] / most, dim ? tint.otherDim : tint.sum, dim, binNs > column);
}

function spreadThread(frame, t, ran, waited) {
  const {from, scale} = frame;
  let k = begun(t, from);
  if (k > byThread.start[t]) --k;
  const high = Math.min(byThread.start[t + 1], begun(t, frame.to) + 1);
  for (; k < high; ++k) {
    const begin = byThread.begin[k], wait = byThread.waited[k + 1] - byThread.waited[k];
    spread(ran, (begin - from) * scale, (byThread.end[k] - from) * scale);
    if (wait > 0) spread(waited, (begin - wait - from) * scale, (begin - from) * scale);
  }
}

// How busy all cores are together.
function paintTotal(frame, y, height) {
  const {raster, scale} = frame, cores = facts.lanes.length - 1;
  const busy = cellsRan.subarray(0, raster.width).fill(0);
  for (let core = 0; core < cores; ++core) {
    const level = levelFor(core, frame), cell = level && facts.duration_ns / level.bins * scale;
    if (level)
      for (let b = 0; b < level.bins; ++b) busy[Math.min(raster.width - 1, Math.floor((b + 0.5) * cell))] += level.busy[b] / 255 * cell;
    else
      for (let i = slices.laneStart[core]; i < slices.laneStart[core + 1]; ++i) spread(busy, slices.begin[i] * scale, slices.end[i] * scale);
  }
  for (let x = 0; x < raster.width; ++x)
    if (busy[x] > 0) paintShare(frame, x, y, height, busy[x] / cores, 0, tint.sum, false);
}
