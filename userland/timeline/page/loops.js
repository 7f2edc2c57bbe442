// SPDX-License-Identifier: MIT
// What did event loops do? A lane for each, above the CPUs: its blocks, with the function that each
// was in, and below them what its thread did meanwhile. Under a block a thread that ran was busy in
// it, one that waited was kept from a CPU, and one that did neither slept in a call.

const loopShare = 0.34;  // of its lane's height, for the thread

function readLoops() {
  for (const loop of facts.loops) {
    loop.name = clean(loop.name) || `process ${loop.tgid}`;
    for (const block of loop.blocks)
      for (const frame of [block.frame, ...(block.stack || [])]) {
        if (!frame) continue;
        frame.function = clean(frame.function) || '(anonymous)';
        frame.file = clean(frame.file);
      }
  }
}

const loopName = loop => loop.main ? loop.name : `${loop.name}, worker ${loop.tid}`;
const blockName = block => block.frame ? block.frame.function : 'blocked';

function place(frame) {
  if (!frame.file) return '';
  const name = frame.file.replace(/^.*\//, '');
  return `${frame.evaluated ? 'eval at ' : frame.exact ? '' : 'about '}${name}${frame.line > 0 ? ':' + frame.line : ''}`;
}

function paintLoop(frame, loop, y, height) {
  const {from, scale, raster} = frame, foot = Math.max(3, Math.round(height * loopShare));
  if (loop.thread >= 0) paintThread(frame, loop.thread, y + height - foot, foot);
  const seen = Math.round((loop.watched_ns - from) * scale);
  raster.rect(0, seen, y + height - foot - 1, y + height - foot, tint.off);
  for (const block of loop.blocks) {
    const x0 = Math.round((block.begin_ns - from) * scale);
    const x1 = Math.max(x0 + 1, Math.round((block.end_ns - from) * scale));
    raster.rect(x0, x1 - x0 > 5 ? x1 - 1 : x1, y, y + height - foot - 2, tint.block);
  }
}

// Which function, and how long: in the block, or where it is too narrow for that beside it.
function labelLoop(context, lane, top, letter) {
  const {loop} = lane, middle = top + inset.loop + (lane.height - 2 * inset.loop) * (1 - loopShare) / 2;
  const right = block => Math.min(view.width, xOf(block.end_ns) / view.dpr);
  const left = block => Math.max(0, xOf(block.begin_ns) / view.dpr);
  let labels = 0;
  loop.blocks.forEach((block, n) => {
    if (block.end_ns < view.from || block.begin_ns > view.to || labels > labelLimit) return;
    const name = blockName(block), long = `${name} ${duration(block.length_ns)}`;
    const inside = right(block) - left(block) - 8, next = loop.blocks[n + 1];
    const beside = (next ? left(next) : view.width) - right(block) - 10;
    const fits = (text, room) => text.length * letter <= room;
    const [text, isBeside] = fits(long, inside) ? [long, false] : fits(long, beside) ? [long, true]
      : fits(name, inside) ? [name, false] : fits(name, beside) ? [name, true] : [fitText(name, inside, letter), false];
    if (!text) return;
    context.fillStyle = isBeside ? cssOf(theme.ink) : inkOn(theme.block);
    context.fillText(text, isBeside ? right(block) + 5 : left(block) + 4, middle);
    ++labels;
  });
  return labels;
}

// The block at that moment, or else the longest that shares its pixel.
function hitLoop(found, pixelNs) {
  let best = -1;
  for (const block of found.lane.loop.blocks) {
    if (block.end_ns < found.ns - pixelNs || block.begin_ns > found.ns + pixelNs) continue;
    const inside = block.begin_ns <= found.ns && block.end_ns >= found.ns;
    const length = block.length_ns + (inside ? 1e15 : 0);
    if (length > best) { best = length; found.block = block; }
  }
}

const blockParts = block => [['on a CPU', block.oncpu_ns], ['waiting for one', block.wait_ns], ['asleep in a call', block.asleep_ns]]
  .filter(([, ns]) => ns >= 0.005 * block.length_ns).map(([word, ns]) => `${duration(ns)} ${word}`).join(', ');

function loopTip(found, time) {
  const {loop} = found.lane, {block} = found, head = el('b', {}, `event loop of ${loopName(loop)}`);
  if (!block) return [head, el('span', {}, found.ns < loop.watched_ns ? 'not watched yet' : 'not blocked'), time];
  const where = block.frame ? ` in ${block.frame.function} ${place(block.frame) && `(${place(block.frame)})`}` : '';
  return [head, el('span', {}, `blocked ${duration(block.length_ns)}${where}`), el('span', {}, blockParts(block)), time];
}

function selectBlock(loop, block) {
  view.selected = -1;
  view.block = block ? {loop, block} : null;
  view.stretch = null;
  fillDetails();
  changed();
}

// A part of the time: a block, or a stretch of a ring.
function zoomToPart(part) {
  const length = Math.max(part.end_ns - part.begin_ns, shortest);
  setView(part.begin_ns - length / 2, part.end_ns + length / 2);
}

function bringPartIntoView(part) {
  if (part.begin_ns >= view.from && part.end_ns <= view.to) return;
  const length = view.to - view.from, middle = (part.begin_ns + part.end_ns) / 2;
  setView(middle - length / 2, middle + length / 2);
}

function stepBlock(by) {
  const {loop, block} = view.block, next = loop.blocks[loop.blocks.indexOf(block) + by];
  if (!next) return;
  selectBlock(loop, next);
  bringPartIntoView(next);
}

function describeBlock({loop, block}) {
  const rows = [], row = (name, ...what) => rows.push(el('dt', {}, name), el('dd', {}, ...what));
  if (block.frame) row('In', el('b', {}, block.frame.function), el('i', {}, ` ${block.frame.file ? place(block.frame) : 'of the runtime'}, ${block.in} of ${plural(block.samples, 'sample', 'samples')}`));
  else row('In', block.samples > 0 ? 'no JavaScript function' : 'unknown: its stack wasn’t sampled');
  row('Began', moment(block.begin_ns));
  row('Lasted', el('b', {}, duration(block.length_ns, 4)), block.ended ? '' : el('i', {}, ', and went on when the recording ended'));
  row('Spent', blockParts(block));
  const vm = Object.entries(block.vm).filter(([, share]) => share * block.samples > 0.5).sort((a, b) => b[1] - a[1]);
  if (vm.length > 0) row('V8', vm.map(([name, share]) => `${name} ${percent(share)}`).join(', '));
  if (block.phase) row('Phase', block.phase);
  if (block.stack) row('Stack', ...block.stack.map(frame => el('div', {}, frame.function, el('i', {}, ` ${place(frame)}`))));
  const at = loop.blocks.indexOf(block);
  const button = (text, label, by) => el('button',
    {disabled: !loop.blocks[at + by], onclick: () => stepBlock(by), 'aria-label': label, title: label}, text);
  return [el('div', {class: 'title'},
    el('h2', {}, el('i', {class: 'swatch block'}), 'Blocked', el('span', {}, loopName(loop))),
    el('div', {class: 'buttons'}, button('◂', 'This loop’s previous block', -1), button('▸', 'This loop’s next block', 1),
      el('button', {onclick: () => zoomToPart(block), title: 'Zoom to this block (z)'}, 'Zoom'))),
  el('dl', {}, ...rows)];
}
