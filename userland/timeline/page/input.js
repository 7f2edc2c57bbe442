// SPDX-License-Identifier: MIT
// What do hands do? Wheel, drag and keys move the window in view; a click selects. Nothing moves
// that wasn't asked to: each step is drawn in the next frame, without animation.

const shortest = 500;  // ns in view

function setView(from, to) {
  const whole = facts.duration_ns;
  const length = Math.min(whole, Math.max(shortest, to - from));
  const middle = (from + to) / 2;
  let begin = to - from === length ? from : middle - length / 2;
  begin = Math.min(Math.max(0, begin), whole - length);
  view.from = begin;
  view.to = begin + length;
  changed();
}
const pan = pixels => {
  const ns = pixels * (view.to - view.from) / view.width;
  setView(view.from + ns, view.to + ns);
};
function zoom(factor, x = view.width / 2) {
  const length = Math.min(facts.duration_ns, Math.max(shortest, (view.to - view.from) * factor));
  const at = view.from + x / view.width * (view.to - view.from);
  const from = at - x / view.width * length;
  setView(from, from + length);
}
const scrollLanes = pixels => { byId('lanes').scrollTop += pixels; };

// Brings slice i into view, with some room around it.
function zoomTo(i) {
  const from = slices.begin[i] - slices.wait[i], length = Math.max(slices.end[i] - from, shortest);
  setView(from - length, from + 2 * length);
  reveal(slices.thread[i]);
}
function bringIntoView(i) {
  const length = view.to - view.from, begin = slices.begin[i], end = slices.end[i];
  if (begin < view.from || end > view.to) {
    if (end - begin > length * 0.8) setView(begin, begin + length);
    else setView((begin + end - length) / 2, (begin + end + length) / 2);
  }
  reveal(slices.thread[i]);
}
function reveal(t) {
  if (t === nobody || !laneOfThread[t]) return;
  const lane = laneOfThread[t], box = byId('lanes');
  const top = coresPinned() ? coresHeight : 0;
  if (lane.y - box.scrollTop < top + 4) box.scrollTop = lane.y - top - 40;
  else if (lane.y + lane.height - box.scrollTop > view.height) box.scrollTop = lane.y + lane.height + 40 - view.height;
}

// What lies at a point of the lanes? {lane, ns, slice?, many?}
function hit(x, y) {
  const lane = laneAtY(y);
  if (!lane) return null;
  const pixelNs = (view.to - view.from) / view.width, ns = view.from + x * pixelNs;
  const found = {lane, ns, slice: -1, from: ns - pixelNs / 2, to: ns + pixelNs / 2};
  if (lane.type === 'core') hitCore(found, pixelNs);
  if (lane.type === 'thread') hitThread(found, pixelNs);
  if (lane.type === 'loop') hitLoop(found, pixelNs);
  if (lane.type === 'ring') hitRing(found, pixelNs);
  return found;
}

// The slice at that moment, or else the longest that shares its pixel.
function hitCore(found, pixelNs) {
  const last = slices.laneStart[found.lane.core + 1];
  let i = firstAbove(slices.end, found.ns - pixelNs, slices.laneStart[found.lane.core], last);
  let best = -1;
  found.many = 0;
  for (; i < last && slices.begin[i] <= found.ns + pixelNs; ++i, ++found.many) {
    const inside = slices.begin[i] <= found.ns && slices.end[i] >= found.ns;
    const length = slices.end[i] - slices.begin[i] + (inside ? 1e15 : 0);
    if (length > best) { best = length; found.slice = i; }
  }
}
function hitThread(found, pixelNs) {
  const t = found.lane.thread, end = byThread.start[t + 1];
  let k = Math.max(byThread.start[t], begun(t, found.ns - pixelNs) - 1), best = -1;
  found.many = 0;
  for (; k < end; ++k) {
    const begin = byThread.begin[k], ready = begin - (byThread.waited[k + 1] - byThread.waited[k]);
    if (ready > found.ns + pixelNs) break;
    if (byThread.end[k] < found.ns - pixelNs) continue;
    ++found.many;
    const inside = ready <= found.ns && byThread.end[k] >= found.ns;
    const length = byThread.end[k] - ready + (inside ? 1e15 : 0);
    if (length > best) { best = length; found.slice = byThread.ids[k]; }
    if (found.many > 5000) break;
  }
  if (found.slice >= 0) found.waits = found.ns < slices.begin[found.slice];
}

function listenToPointer(canvas) {
  let down = null;
  const point = event => {
    const box = canvas.getBoundingClientRect();
    return {x: event.clientX - box.left, y: event.clientY - box.top};
  };
  canvas.addEventListener('pointerdown', event => {
    if (event.button !== 0) return;
    down = {...point(event), moved: false, range: event.shiftKey, from: view.from, to: view.to, scroll: byId('lanes').scrollTop};
    canvas.setPointerCapture(event.pointerId);
    hideTip();
  });
  canvas.addEventListener('pointermove', event => {
    const at = point(event);
    if (!down) { hover(at, event); return; }
    if (Math.hypot(at.x - down.x, at.y - down.y) > 3) down.moved = true;
    if (!down.moved) return;
    if (down.range) { view.range = [down.x, at.x]; changed(); return; }
    canvas.classList.add('dragged');
    const ns = (down.x - at.x) * (down.to - down.from) / view.width;
    setView(down.from + ns, down.to + ns);
    byId('lanes').scrollTop = down.scroll + down.y - at.y;
  });
  canvas.addEventListener('pointerup', event => {
    const was = down, at = point(event);
    down = null;
    canvas.classList.remove('dragged');
    if (!was) return;
    if (was.moved && view.range) {
      const [a, b] = [Math.min(was.x, at.x), Math.max(was.x, at.x)], perPixel = (view.to - view.from) / view.width;
      view.range = null;
      setView(view.from + a * perPixel, view.from + b * perPixel);
    } else if (!was.moved) click(hit(at.x, at.y));
  });
  canvas.addEventListener('pointercancel', () => { down = null; view.range = null; changed(); });
  canvas.addEventListener('pointerleave', () => { hideTip(); if (view.hover >= 0) { view.hover = -1; changed(); } });
  canvas.addEventListener('dblclick', event => {
    const found = hit(point(event).x, point(event).y);
    if (found && found.slice >= 0) zoomTo(found.slice);
    if (found && found.block) zoomToPart(found.block);
    if (found && found.stretch) zoomToPart(found.stretch);
  });
  canvas.addEventListener('wheel', event => {
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 33 : event.deltaMode === 2 ? 400 : 1;
    if (event.shiftKey) scrollLanes((event.deltaY || event.deltaX) * lines);
    else if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) pan(event.deltaX * lines);
    else zoom(Math.exp(Math.max(-300, Math.min(300, event.deltaY * lines)) * (event.ctrlKey ? 0.01 : 0.0018)), point(event).x);
    hideTip();
  }, {passive: false});
}

function click(found) {
  if (!found) return;
  if (found.lane.type === 'process' || found.lane.type === 'role') toggleFold(found.lane.id);
  else if (found.block) selectBlock(found.lane.loop, found.block);
  else if (found.stretch) selectStretch(found.lane.ring, found.stretch);
  else select(found.slice);
}

// The minimap: drag the frame, or click to put its middle there.
function listenToMini() {
  const strip = byId('miniFrame').parentElement;
  let grip = null;
  const at = event => (event.clientX - strip.getBoundingClientRect().left) / strip.clientWidth * facts.duration_ns;
  strip.addEventListener('pointerdown', event => {
    const ns = at(event), half = (view.to - view.from) / 2;
    if (ns < view.from || ns > view.to) setView(ns - half, ns + half);
    grip = ns - view.from;
    strip.setPointerCapture(event.pointerId);
  });
  strip.addEventListener('pointermove', event => {
    if (grip !== null) setView(at(event) - grip, at(event) - grip + view.to - view.from);
  });
  for (const end of ['pointerup', 'pointercancel']) strip.addEventListener(end, () => { grip = null; });
  strip.addEventListener('wheel', event => { event.preventDefault(); zoom(Math.exp(event.deltaY * 0.0018)); }, {passive: false});
}
