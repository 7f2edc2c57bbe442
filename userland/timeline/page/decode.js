// SPDX-License-Identifier: MIT
// How do the page's columns become slices again? What timeline/page.cc wrote is read here, in
// the same order and with the same expectations.

const {bytesOf, inflated} = window.timesliceBoot;

// timeline::NumberColumn, read: a byte says which quarter-octave, the bits say where in it.
class Numbers {
  constructor(classes, bits) {
    this.classes = classes;
    this.bits = bits;
    this.next_ = this.at = this.pending = this.have = 0;
  }
  take(count) {  // 22 at most
    while (this.have < count) {
      this.pending |= this.bits[this.at++] << this.have;
      this.have += 8;
    }
    const value = this.pending & ((1 << count) - 1);
    this.pending >>>= count;
    this.have -= count;
    return value;
  }
  next() {
    const numberClass = this.classes[this.next_++];
    if (numberClass < 4) return numberClass;
    let rest = (numberClass >> 2) - 1, low = 0, scale = 1;
    const head = 4 + (numberClass & 3);
    if (rest <= 22) return (head << rest) | this.take(rest);
    for (; rest > 0; rest -= 22) {
      const count = Math.min(rest, 22);
      low += this.take(count) * scale;
      scale *= 2 ** count;
    }
    return head * scale + low;
  }
  nextSigned() {  // zigzag
    const value = this.next();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }
}

class Varints {
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
  }
  next() {
    let byte = this.bytes[this.at++];
    if (byte < 0x80) return byte;
    let value = byte & 0x7f;
    for (let scale = 128; byte >= 0x80; scale *= 128) {
      byte = this.bytes[this.at++];
      value += (byte & 0x7f) * scale;
    }
    return value;
  }
}

function kindOf(bits) {
  const flag = n => (bits >>> (20 + n) & 1) === 1;
  return {
    because: bits & 3, context: bits >>> 2 & 3, leaving: bits >>> 4 & 0xffff,
    voluntary: flag(0), beginCut: flag(1), endCut: flag(2),
    hasPeer: flag(3), hasWait: flag(4), hasWaking: flag(5),
  };
}

const unknown = 0, woken = 1, created = 2, preempted = 3;  // model::Because
const nobody = -1;

function emptySlices(count) {
  return {
    count,
    begin: new Float64Array(count), end: new Float64Array(count), wait: new Float64Array(count),
    waking: new Float64Array(count).fill(-1), thread: new Int32Array(count),
    peer: new Int32Array(count).fill(nobody), kind: new Uint16Array(count),
    lane: new Uint16Array(count),
  };
}

// The columns of each lane, and what doesn't depend on other lanes.
function readLane(lane, take, slices, first, number) {
  const part = lane.sizes.map(take);
  const kinds = new Varints(part[0]), threads = new Varints(part[1]);
  const gap = new Numbers(part[3], part[4]), length = new Numbers(part[5], part[6]);
  let at = lane.first_ns;
  for (let i = first; i < first + lane.count; ++i) {
    slices.begin[i] = at += gap.next();
    slices.end[i] = at += length.next();
    slices.kind[i] = kinds.next();
    slices.thread[i] = threads.next() - 1;
    slices.lane[i] = number;
  }
  return {
    next: first, end: first + lane.count, peers: new Varints(part[2]),
    wait: new Numbers(part[7], part[8]), waking: new Numbers(part[9], part[10]),
  };
}

// In the order in which slices end, over all lanes; of those that end at once, waits come last.
function* inOrder(readers, slices) {
  const left = readers.filter(r => r.next < r.end);
  while (left.length > 0) {
    let best = 0, bestEnd = slices.end[left[0].next], second = Infinity;
    for (let i = 1; i < left.length; ++i) {
      const end = slices.end[left[i].next];
      if (end < bestEnd) { second = bestEnd; best = i; bestEnd = end; }
      else if (end < second) second = end;
    }
    const reader = left[best];
    do { yield reader; } while (reader.next < reader.end && slices.end[reader.next] < second);
    if (reader.next >= reader.end) left.splice(best, 1);
  }
}

// Waits, wake-ups and peers are written as differences from what the thread did before.
function resolve(readers, slices, kinds, threadCount) {
  const lastEnd = new Float64Array(threadCount + 1).fill(-1);
  const lastPeer = new Int32Array(4 * (threadCount + 1)).fill(nobody);
  const order = new Int32Array(slices.count);
  let n = 0;
  for (const reader of inOrder(readers, slices)) {
    const i = order[n++] = reader.next++;
    const thread = slices.thread[i], kind = kinds[slices.kind[i]], begin = slices.begin[i];
    const known = thread !== nobody;
    if (kind.hasWait) {
      const since = known ? lastEnd[thread] : -1;
      const expected = kind.because === preempted && since >= 0 && begin > since ? begin - since : 0;
      slices.wait[i] = expected + reader.wait.nextSigned();
    }
    if (kind.hasWaking) slices.waking[i] = begin - slices.wait[i] - 64 * reader.waking.nextSigned();
    if (kind.hasPeer) {
      const at = 4 * (known ? thread : threadCount) + kind.because;
      const code = reader.peers.next();
      if (!known) lastPeer[at] = nobody;
      slices.peer[i] = code === 0 ? lastPeer[at] : code - 1;
      lastPeer[at] = slices.peer[i];
    }
    if (known) lastEnd[thread] = slices.end[i];
  }
  return order;
}

async function readSlices(facts) {
  const bytes = await inflated(bytesOf(document.getElementById('slices')));
  const slices = emptySlices(facts.lanes.reduce((sum, lane) => sum + lane.count, 0));
  let at = 0, first = 0;
  const take = size => bytes.subarray(at, at += size);
  slices.kinds = facts.kinds.map(kindOf);
  slices.laneStart = [0];
  const readers = facts.lanes.map((lane, number) => {
    const reader = readLane(lane, take, slices, first, number);
    slices.laneStart.push(first += lane.count);
    return reader;
  });
  slices.order = resolve(readers, slices, slices.kinds, facts.threads.length);
  return slices;
}

// By lane, from fine to coarse.
async function readLevels(facts) {
  const bytes = await inflated(bytesOf(document.getElementById('levels')));
  let at = 0;
  return facts.levels.map(sizes => sizes.map(bins => {
    const busy = bytes.subarray(at, at += bins), top = bytes.subarray(at, at += bins);
    const threads = new Varints(bytes.subarray(at));
    const thread = Int32Array.from({length: bins}, () => threads.next() - 1);
    at += threads.at;
    return {bins, busy, top, thread};
  }));
}
