// SPDX-License-Identifier: MIT
// Which lanes are there, in which order, and how high is each? Event loops and io_uring's rings first,
// if there are any, and CPUs, then processes with their roles and threads, the most active on top. Groups fold; a process of one thread is a lane.

const heights = {loop: 34, ring: 28, core: 30, process: 24, role: 18, thread: 18, section: 22};
const folded = new Set();
let groups = [], insiders = 0, lanes = [], laneOfThread = [], lanesHeight = 0, coresHeight = 0;

const activity = members => members.reduce((sum, t) => sum + threads[t].oncpu_ns, 0);
const hasSlices = t => byThread.start[t + 1] > byThread.start[t];

function grouping(members, keyOf) {
  const map = new Map();
  for (const t of members) {
    const key = keyOf(t);
    if (!map.has(key)) map.set(key, []);
    map.get(key).push(t);
  }
  const list = [...map].map(([key, of]) => ({key, members: of, activity: activity(of)}));
  return list.sort((a, b) => b.activity - a.activity || String(a.key).localeCompare(String(b.key)));
}

// Those outside the recording's filter are known by name only, as wakers and preemptors; the
// recorder's own have no lane, and no row in the table, unless they were asked for.
const isShown = t => !threads[t].outside && !threads[t].hidden;

function buildGroups() {
  const all = threads.map((_, t) => t).filter(isShown);
  insiders = all.length;
  groups = grouping(all, t => threads[t].kernel ? 'kernel' : threads[t].leader);
  const sum = groups.reduce((total, group) => total + group.activity, 0);
  groups.forEach((group, rank) => {
    group.id = 'process ' + group.key;
    group.name = group.key === 'kernel' ? 'kernel threads' : threads[group.key].comm;
    group.note = group.key === 'kernel' ? '' : String(threads[group.key].tgid);
    // Threads that did nothing in this window stand last, folded.
    group.roles = grouping(group.members, t => hasSlices(t) ? threads[t].role : '\uffff');
    for (const role of group.roles) {
      role.members.sort((a, b) => activity([b]) - activity([a]) || threads[a].tid - threads[b].tid);
      role.id = group.id + ' ' + role.key;
      role.idle = role.key === '\uffff';
      role.name = role.idle ? 'didn’t run' : role.key;
      if (role.idle || role.members.length > 24) folded.add(role.id);
    }
    if (rank > 2 && group.activity < 0.01 * sum) folded.add(group.id);
  });
}

function layLanes() {
  lanes = [];
  laneOfThread = new Array(threads.length).fill(null);
  let y = 0;
  const add = (type, more) => {
    lanes.push({type, y, height: heights[type], ...more});
    y += heights[type];
    return lanes[lanes.length - 1];
  };
  const addThread = (t, depth) => { laneOfThread[t] = add('thread', {thread: t, depth, id: 't' + t}); };
  if (facts.loops.length > 0) {
    add('section', {id: 'loops', name: 'Event loops', note: String(facts.loops.length)});
    facts.loops.forEach((loop, n) => add('loop', {loop, id: 'loop ' + n}));
  }
  if (facts.rings.length > 0) {
    add('section', {id: 'rings', name: 'io_uring', note: String(facts.rings.length)});
    facts.rings.forEach((ring, n) => add('ring', {ring, id: 'ring ' + n}));
  }
  add('section', {id: 'cores', name: 'CPUs', note: String(facts.lanes.length - 1)});
  facts.lanes.slice(0, -1).forEach((lane, core) => add('core', {core, id: 'core ' + core}));
  coresHeight = y + 4;
  y += 4;
  add('section', {id: 'threads', name: 'Threads', note: String(insiders)});
  for (const group of groups) {
    if (group.members.length === 1) { addThread(group.members[0], 0); continue; }
    const header = add('process', {group, id: group.id, depth: 0, members: group.members});
    if (folded.has(group.id)) { for (const t of group.members) laneOfThread[t] = header; continue; }
    for (const role of group.roles) layRole(group, role, add, addThread);
  }
  lanesHeight = y + 12;
}

function layRole(group, role, add, addThread) {
  // A role's own header says something only where there are others, and several threads.
  const plain = !role.idle && (role.members.length === 1 || group.roles.length === 1);
  if (plain) { for (const t of role.members) addThread(t, 1); return; }
  const header = add('role', {group: role, id: role.id, depth: 1, members: role.members});
  for (const t of role.members)
    if (folded.has(role.id)) laneOfThread[t] = header; else addThread(t, 2);
}

function toggleFold(id) {
  if (!folded.delete(id)) folded.add(id);
  layLanes();
  resized();
}

function foldAll() {
  const ids = groups.filter(g => g.members.length > 1).map(g => g.id);
  const open = ids.some(id => !folded.has(id));
  for (const id of ids) if (open) folded.add(id); else folded.delete(id);
  layLanes();
  resized();
}

// Opens the groups that hide thread t.
function unfoldFor(t) {
  const group = groups.find(g => g.members.includes(t));
  if (!group) return;
  const role = group.roles.find(r => r.members.includes(t));
  const hidden = [group.id, role.id].filter(id => folded.delete(id)).length > 0;
  if (hidden) { layLanes(); resized(); }
}

// Core lanes stay in view while threads scroll, as long as they leave enough room for them.
const coresPinned = () => coresHeight <= 0.45 * view.height;
function laneTop(lane) {
  const isCore = lane.y < coresHeight;
  return coresPinned() && isCore ? lane.y : lane.y - view.scroll;
}
const clipTop = lane => coresPinned() && lane.y >= coresHeight ? coresHeight : 0;

function laneAtY(y) {
  const inCores = coresPinned() && y < coresHeight;
  const at = inCores ? y : y + view.scroll;
  let low = 0, high = lanes.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (lanes[middle].y + lanes[middle].height > at) high = middle; else low = middle + 1;
  }
  const lane = lanes[low];
  if (!lane || at < lane.y) return null;
  return coresPinned() && !inCores && lane.y < coresHeight ? null : lane;
}
