// SPDX-License-Identifier: MIT
// What is known of one slice? Whose it is, how it got the CPU and after how long, what preempted
// it or what the thread did next; each named slice is a click away. Also the tooltip, which says less.

function select(i, show = false) {
  view.selected = i;
  view.block = view.stretch = null;
  if (i >= 0 && show) { if (slices.thread[i] !== nobody) unfoldFor(slices.thread[i]); bringIntoView(i); }
  fillDetails();
  changed();
}
const step = by => {
  if (view.block) { stepBlock(by); return; }
  if (view.stretch) { stepStretch(by); return; }
  const next = view.selected >= 0 ? neighbour(view.selected, by) : -1;
  if (next >= 0) select(next, true);
};

const goTo = (text, i) => i < 0 ? el('b', {}, text)
  : el('a', {href: '#', role: 'button', onclick: event => { event.preventDefault(); select(i, true); }}, text);

// The slice in which thread t ran at a moment, if it did.
function runningAt(t, ns) {
  const k = t === nobody ? -1 : placeBefore(t, ns);
  return k >= 0 && byThread.end[k] >= ns && !isPending(byThread.ids[k]) ? byThread.ids[k] : -1;
}

function fillDetails() {
  const box = byId('details'), i = view.selected;
  if (i < 0) { box.replaceChildren(...(view.block ? describeBlock(view.block) : view.stretch ? describeStretch(view.stretch) : legend())); return; }
  const t = slices.thread[i], kind = slices.kinds[slices.kind[i]];
  const rows = [];
  const row = (name, ...what) => rows.push(el('dt', {}, name), el('dd', {}, ...what));
  if (t !== nobody) describeThread(t, row);
  if (isPending(i)) row('State', 'runnable, waiting for a CPU when the recording ended, or records were lost');
  else {
    row('CPU', `${facts.lanes[slices.lane[i]].cpu}`);
    row('Began', moment(slices.begin[i]), kind.beginCut ? el('i', {}, ' or earlier: it was already running when observation began') : null);
    row('Ran', el('b', {}, duration(slices.end[i] - slices.begin[i], 4)));
  }
  row('Got the CPU', ...arrival(i, kind));
  if (slices.wait[i] > 0) row('Waited', el('b', {class: 'wait'}, duration(slices.wait[i], 4)), ' for a CPU');
  // Where the reason why it became runnable is on record, its wait is, too.
  else if (!kind.beginCut) row('Waited', kind.because !== unknown ? 'not at all: it got a CPU as soon as it was queued' : 'unknown');
  if (!isPending(i)) row('Left', ...departure(i, kind));
  const button = (text, label, by, key) => el('button',
    {disabled: neighbour(i, by) < 0, onclick: () => step(by), 'aria-label': label, title: `${label} (${key})`}, text);
  box.replaceChildren(
    el('div', {class: 'title'},
      el('h2', {}, el('i', {class: 'swatch'}), threadName(t), el('span', {}, t === nobody ? '' : String(threads[t].tid))),
      el('div', {class: 'buttons'}, button('◂', 'This thread’s previous slice', -1, '['), button('▸', 'This thread’s next slice', 1, ']'),
        el('button', {onclick: () => zoomTo(i), title: 'Zoom to this slice (z)'}, 'Zoom'))),
    el('dl', {}, ...rows));
  box.querySelector('.swatch').style.background = swatch(t);
}

function describeThread(t, row) {
  const {tgid, process, role, evidence, confidence} = threads[t];
  row('Process', `${process} ${tgid}`);
  if (role === 'thread') row('Role', 'unknown');
  else row('Role', el('b', {}, role), evidence ? el('i', {}, ` ${evidence}`) : null,
    confidence ? el('i', {}, `, ${percent(confidence)} confidence`) : null);
}

function arrival(i, kind) {
  const peer = slices.peer[i], at = slices.waking[i], t = slices.thread[i];
  if (kind.because === preempted) {
    const lost = neighbour(i, -1), taker = lost >= 0 ? follower(lost) : -1;
    return ['back after ', peer === nobody ? 'being preempted' : goTo(threadLong(peer), slices.thread[taker] === peer ? taker : runningAt(peer, slices.begin[i])),
      peer === nobody ? '' : ' had preempted it'];
  }
  if (kind.because === created) return ['new: created by ', goTo(threadLong(peer), runningAt(peer, at >= 0 ? at : slices.begin[i]))];
  if (kind.because !== woken) return ['unknown'];
  const when = at >= 0 ? `, ${duration(slices.begin[i] - at, 4)} earlier` : '';
  const before = neighbour(i, -1);
  const rest = before >= 0 && at > slices.end[before] ? el('i', {}, `, after ${duration(at - slices.end[before])} off CPU`) : null;
  const victim = peer === nobody ? 'an interrupt' : threadLong(peer);
  if (inInterrupt(kind.context))
    return ['woken ', el('b', {}, contextWords[kind.context]), peer === nobody ? '' : ` while ${victim} ran there`, when, rest];
  if (peer === nobody) return [kind.context ? 'woken from outside the recording' : 'woken, waker unknown', when, rest];
  return ['woken by ', goTo(threadLong(peer), runningAt(peer, at)), ` ${contextWords[kind.context]}`, when, rest];
}

function departure(i, kind) {
  const next = follower(i), why = leaving(kind);
  if (kind.endCut) return [why.word];
  const mark = el('kbd', {class: 'reason'}, why.letter);
  mark.style.background = reasonColours[why.colour];
  mark.style.color = inkOn(rgbOf(reasonColours[why.colour]));
  const taker = next < 0 ? null : goTo(threadLong(slices.thread[next]), next);
  if (kind.voluntary) return [mark, ' voluntarily: ', why.word, ...(taker ? [el('i', {}, '; then '), taker] : [el('i', {}, `; then the CPU was ${idleWord()}`)])];
  return [mark, ' involuntarily: ', ...(taker ? ['preempted by ', taker] : [why.word])];
}

// With a filter, it isn't recorded what else ran.
const idleWord = () => facts.filtered ? 'idle or running others' : 'idle';

function legend() {
  const sample = (name, text, colour) => {
    const mark = el('i', {class: 'sample ' + name});
    if (colour) mark.style.background = colour;
    return el('li', {}, mark, text);
  };
  const more = view.colours === 'reason' ? reasonNames.map((name, n) => sample('', name, reasonColours[n]))
    : view.colours === 'core' ? facts.lanes.slice(0, -1).slice(0, 16).map((lane, n) => sample('', `CPU ${lane.cpu}`, cssOf(paletteColour(n)))) : [];
  return [el('h2', {}, 'Nothing selected'),
    el('p', {}, 'Click a slice to see how its thread got the CPU, and why it left it. Press ', el('kbd', {}, '?'), ' for keys.'),
    el('ul', {class: 'legend'}, sample('ran', 'running'), sample('waits', 'runnable, waiting for a CPU'),
      sample('off', 'off CPU: sleeping or stopped'), sample('mixed', 'many in one pixel: their shares'),
      ...(facts.loops.length > 0 ? [sample('blocked', 'event loop blocked')] : []),
      ...(facts.rings.length > 0 ? routeNames.map((name, route) => sample('', `io_uring: ${name}`, routeColours[route])) : [])),
    more.length ? el('ul', {class: 'legend more'}, ...more) : ''];
}

function hover(at, event) {
  const found = hit(at.x, at.y), i = found ? found.slice : -1;
  byId('canvas').style.cursor = i >= 0 || (found && (found.block || found.stretch)) || (found && found.lane.group) ? 'pointer' : '';
  if (i !== view.hover) { view.hover = i; changed(); }
  const tip = byId('tip');
  tip.hidden = !found || found.lane.type === 'section';
  if (tip.hidden) return;
  tip.replaceChildren(...tipLines(found));
  const box = tip.getBoundingClientRect();
  tip.style.left = Math.max(4, Math.min(event.clientX + 14, innerWidth - box.width - 6)) + 'px';
  tip.style.top = (event.clientY + 18 + box.height > innerHeight ? event.clientY - box.height - 10 : event.clientY + 18) + 'px';
}
const hideTip = () => { byId('tip').hidden = true; };

function tipLines(found) {
  const {lane, ns, slice: i} = found, time = el('small', {}, moment(ns, (view.to - view.from) / view.width));
  if (lane.group) return [el('b', {}, lane.group.name), el('span', {}, plural(lane.group.members.length, 'thread', 'threads')), time];
  if (lane.loop) return loopTip(found, time);
  if (lane.ring) return ringTip(found, time);
  const crowd = found.many > 3 ? el('small', {}, `${found.many} slices here: zoom in`) : '';
  if (i < 0) return [el('b', {}, lane.type === 'core' ? `CPU ${facts.lanes[lane.core].cpu}` : threadLong(lane.thread)),
    el('span', {}, lane.type === 'core' ? idleWord() : 'off CPU'), time];
  const kind = slices.kinds[slices.kind[i]];
  const lines = [el('b', {}, threadLong(slices.thread[i]))];
  if (lane.type === 'thread' && (found.waits || isPending(i))) lines.push(el('span', {}, `waits ${duration(slices.wait[i])} for a CPU`));
  else lines.push(el('span', {}, `runs ${duration(slices.end[i] - slices.begin[i])} on CPU ${facts.lanes[slices.lane[i]].cpu}, then ${leaving(kind).word}`));
  if (lane.type === 'core' && slices.wait[i] > 0) lines.push(el('span', {}, `had waited ${duration(slices.wait[i])}`));
  return [...lines, crowd, time];
}
