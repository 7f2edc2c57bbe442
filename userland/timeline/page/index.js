// SPDX-License-Identifier: MIT
// How much did each thread run and wait between two moments, exactly? For each thread its slices
// stand in order of time, with the sums of all before: two binary searches tell any window's share.

let byThread;  // arrays in this order: thread by thread, and slice by slice within

function buildIndex() {
  const count = slices.count, kinds = slices.kinds;
  const start = new Int32Array(threads.length + 1);
  for (let i = 0; i < count; ++i) if (slices.thread[i] !== nobody) ++start[slices.thread[i] + 1];
  for (let t = 0; t < threads.length; ++t) start[t + 1] += start[t];
  const fill = start.slice();
  const total = start[threads.length];
  const ids = new Int32Array(total), position = new Int32Array(count).fill(-1);
  for (let n = 0; n < count; ++n) {
    const i = slices.order[n], t = slices.thread[i];
    if (t === nobody) continue;
    position[i] = fill[t];
    ids[fill[t]++] = i;
  }
  slices.order = null;
  const begin = new Float64Array(total), end = new Float64Array(total);
  // Sums of the thread's slices before this one; one entry more a thread would be tidier, but the
  // sums simply run on over all threads, and whoever wants one thread's subtracts.
  const ran = new Float64Array(total + 1), waited = new Float64Array(total + 1);
  const voluntary = new Int32Array(total + 1), involuntary = new Int32Array(total + 1);
  for (let k = 0; k < total; ++k) {
    const i = ids[k], kind = kinds[slices.kind[i]];
    begin[k] = slices.begin[i];
    end[k] = slices.end[i];
    ran[k + 1] = ran[k] + end[k] - begin[k];
    waited[k + 1] = waited[k] + slices.wait[i];
    // A wait that goes on at the end isn't a slice, and no switch.
    const seen = !kind.endCut && i < slices.laneStart[slices.laneStart.length - 2];
    voluntary[k + 1] = voluntary[k] + (seen && kind.voluntary ? 1 : 0);
    involuntary[k + 1] = involuntary[k] + (seen && !kind.voluntary ? 1 : 0);
  }
  byThread = {start, ids, position, begin, end, ran, waited, voluntary, involuntary};
}

// The first place in [low, high) whose value is above `limit`.
function firstAbove(values, limit, low, high) {
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (values[middle] > limit) high = middle; else low = middle + 1;
  }
  return low;
}

// How many of thread t's slices have begun at moment ns? As a place in byThread's arrays.
const begun = (t, ns) => firstAbove(byThread.begin, ns, byThread.start[t], byThread.start[t + 1]);

// Sums up to moment ns, where k = begun(t, ns). They count from an origin of the thread's own.
function ranUntil(t, k, ns) {
  const open = k > byThread.start[t] ? Math.max(0, byThread.end[k - 1] - ns) : 0;
  return byThread.ran[k] - open;
}
function waitedUntil(t, k, ns) {
  if (k === byThread.start[t + 1]) return byThread.waited[k];
  const wait = byThread.waited[k + 1] - byThread.waited[k];
  return byThread.waited[k] + Math.max(0, ns - (byThread.begin[k] - wait));
}

function threadTotals(t, from, to) {
  const a = begun(t, from), b = begun(t, to), first = byThread.start[t];
  const ended = (k, ns) => k > first && byThread.end[k - 1] > ns ? k - 1 : k;
  const ea = from <= 0 ? first : ended(a, from), eb = ended(b, to);
  return {
    thread: t,
    oncpu_ns: ranUntil(t, b, to) - ranUntil(t, a, from),
    wait_ns: waitedUntil(t, b, to) - waitedUntil(t, a, from),
    voluntary: byThread.voluntary[eb] - byThread.voluntary[ea],
    involuntary: byThread.involuntary[eb] - byThread.involuntary[ea],
  };
}

const totals = (from, to) => threads.map((_, t) => threadTotals(t, from, to));

// Do the page's sums equal those of the model? What differs, differs because records were lost.
function disagreement() {
  let different = 0, ns = 0;
  for (const sum of totals(0, facts.duration_ns)) {
    const model = threads[sum.thread];
    const off = Math.abs(sum.oncpu_ns - model.oncpu_ns) + Math.abs(sum.wait_ns - model.ready_ns);
    if (off !== 0) ++different;
    ns += off;
  }
  return {different, ns};
}

// The slice that a core ran at a moment, or -1.
function sliceAt(lane, ns) {
  const first = slices.laneStart[lane];
  const i = firstAbove(slices.begin, ns, first, slices.laneStart[lane + 1]) - 1;
  return i >= first && slices.end[i] >= ns ? i : -1;
}

// The slice that thread t ran at a moment, or its last one before: as a place in byThread, or -1.
const placeBefore = (t, ns) => {
  const k = begun(t, ns) - 1;
  return k >= byThread.start[t] ? k : -1;
};

const neighbour = (i, step) => {
  const t = slices.thread[i], k = byThread.position[i] + step;
  return t !== nobody && k >= byThread.start[t] && k < byThread.start[t + 1] ? byThread.ids[k] : -1;
};
const isPending = i => i >= slices.laneStart[facts.lanes.length - 1];

// Who got the core in the very moment in which slice i left it?
function follower(i) {
  const next = i + 1;
  const sameCore = !isPending(i) && next < slices.laneStart[slices.lane[i] + 1];
  return sameCore && slices.begin[next] === slices.end[i] ? next : -1;
}

// Running and waiting time of many threads together, in equal parts of the recording.
const groupBins = 16384;
function sumOfThreads(members) {
  const ran = new Float32Array(groupBins), waited = new Float32Array(groupBins);
  const scale = groupBins / facts.duration_ns;
  for (const t of members)
    for (let k = byThread.start[t]; k < byThread.start[t + 1]; ++k) {
      const begin = byThread.begin[k], wait = byThread.waited[k + 1] - byThread.waited[k];
      spread(ran, begin * scale, byThread.end[k] * scale);
      if (wait > 0) spread(waited, (begin - wait) * scale, begin * scale);
    }
  return {ran, waited};
}

// Adds the interval [a, b) to the cells it touches, as far as it covers each.
function spread(cells, a, b) {
  const last = cells.length - 1;
  let cell = Math.floor(a);
  if (cell < 0) { cell = 0; a = 0; }
  for (; cell <= last && cell < b; ++cell)
    cells[cell] += Math.min(b, cell + 1) - Math.max(a, cell);
}
