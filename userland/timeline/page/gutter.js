// SPDX-License-Identifier: MIT
// What are the lanes called? The names stand beside them as ordinary elements, so that they can be
// read aloud, marked and reached by Tab. Only those in view exist; each is kept while it stays.

const gutterRows = new Map();  // by lane id

function rebuildGutter() {
  for (const row of gutterRows.values()) row.remove();
  gutterRows.clear();
}

function placeGutter() {
  const gutter = byId('gutter'), seen = new Set();
  for (const lane of lanes) {
    const top = laneTop(lane), clip = clipTop(lane);
    if (top + lane.height <= clip || top >= view.height) continue;
    seen.add(lane.id);
    let row = gutterRows.get(lane.id);
    if (!row) {
      gutterRows.set(lane.id, row = gutterRow(lane));
      gutter.append(row);
    }
    row.style.transform = `translateY(${top}px)`;
    row.style.clipPath = top < clip ? `inset(${clip - top}px 0 0 0)` : '';
    row.classList.toggle('selected', lane.type === 'thread' && view.selected >= 0 && slices.thread[view.selected] === lane.thread);
  }
  for (const [id, row] of gutterRows) if (!seen.has(id)) { row.remove(); gutterRows.delete(id); }
}

function gutterRow(lane) {
  const row = el('div', {class: 'lane ' + lane.type, role: 'listitem'});
  row.style.height = lane.height + 'px';
  row.style.paddingLeft = 10 + 12 * (lane.depth || 0) + 'px';
  if (lane.type === 'section') row.append(el('b', {}, lane.name), el('small', {}, lane.note));
  if (lane.type === 'core') {
    const core = facts.cores.find(one => one.cpu === facts.lanes[lane.core].cpu);
    if (view.colours === 'core') {
      const mark = el('i', {class: 'swatch'});
      mark.style.background = cssOf(paletteColour(lane.core));
      row.append(mark);
    }
    row.append(el('b', {}, `CPU ${facts.lanes[lane.core].cpu}`),
      el('small', {}, core ? `${percent(core.busy_ns / facts.duration_ns)} ${facts.filtered ? 'seen' : 'busy'}` : ''));
  }
  if (lane.type === 'loop') loopRow(lane.loop, row);
  if (lane.type === 'ring') ringRow(lane.ring, row);
  if (lane.type === 'thread') threadRow(lane, row);
  if (lane.group) groupRow(lane, row);
  return row;
}

function loopRow(loop, row) {
  const blocked = loop.blocks.reduce((sum, block) => sum + block.end_ns - block.begin_ns, 0);
  row.append(el('b', {}, loopName(loop)), el('small', {}, `${percent(blocked / facts.duration_ns)} blocked`));
  row.title = `event loop of ${loopName(loop)}, process ${loop.tgid}: ${plural(loop.blocks.length, 'block', 'blocks')}`;
}

function threadRow(lane, row) {
  const {comm, tid, role, process, tgid} = threads[lane.thread];
  const mark = el('i', {class: 'swatch'});
  mark.style.background = swatch(lane.thread);
  const note = role !== 'thread' && lane.depth < 2 ? `${role}` : String(tid);
  row.append(mark, el('span', {}, comm), el('small', {}, note));
  row.title = `${comm} ${tid}, process ${process} ${tgid}${role === 'thread' ? '' : ', ' + role}`;
  row.classList.toggle('dim', isDim(lane.thread));
  row.classList.toggle('found', search.active && search.found[lane.thread]);
}

function groupRow(lane, row) {
  const {group} = lane, open = !folded.has(lane.id);
  const sum = group.members.length;
  const button = el('button', {'aria-expanded': String(open), onclick: () => {
    toggleFold(lane.id);
    drawFrame();
    gutterRows.get(lane.id)?.querySelector('button').focus();
  }}, el('i', {class: 'fold', 'aria-hidden': 'true'}, open ? '▾' : '▸'), el('span', {}, group.name));
  row.append(button, el('small', {}, lane.type === 'process' ? group.note : `${sum}`));
  row.title = `${group.name}${group.note ? ' ' + group.note : ''}: ${plural(sum, 'thread', 'threads')}`;
}
