// SPDX-License-Identifier: MIT
// What does the page do from its first moment on? It reads the recording, then draws a frame
// whenever something changed, and only then. Also what tests may ask, as window.timeslice.

let facts, threads, slices, levels, leavingOf;
const view = {
  from: 0, to: 1, width: 1, height: 1, scroll: 0, dpr: 1, selected: -1, block: null, stretch: null, hover: -1, range: null,
  arrows: false, arrowCount: 0, colours: 'thread',
};
const frameTimes = [];  // ms of each frame's drawing, the newest last
let drawing = false, printing = false, moveTimer = 0, restTimer = 0, loadedMs = 0;

function changed() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => { drawing = false; drawFrame(); });
  // The table follows while the window moves, and is completed when it rests.
  moveTimer ||= setTimeout(() => { moveTimer = 0; fillTable(true); }, 120);
  clearTimeout(restTimer);
  restTimer = setTimeout(fillTable, 250);
}

function drawFrame() {
  const begin = performance.now();
  drawLanes();
  drawAxis();
  placeMiniFrame();
  placeGutter();
  frameTimes.push(performance.now() - begin);
  if (frameTimes.length > 4096) frameTimes.shift();
}

function resized() {
  const box = byId('lanes'), gutter = byId('gutter').offsetWidth;
  view.dpr = Math.min(2, Math.max(1, window.devicePixelRatio || 1));
  view.height = box.clientHeight;
  view.width = Math.max(80, box.clientWidth - gutter);
  byId('left').style.setProperty('--bar', box.offsetWidth - box.clientWidth + 'px');
  byId('tall').style.height = Math.max(lanesHeight, view.height) + 'px';
  byId('stick').style.height = view.height + 'px';
  view.scroll = box.scrollTop;
  raster.resize(Math.round(view.width * view.dpr), Math.max(1, Math.round(view.height * view.dpr)));
  drawMini();
  rebuildGutter();
  changed();
}

function switchTheme(to) {
  const dark = to ? to === 'dark' : !theme.dark;
  document.documentElement.dataset.theme = dark ? 'dark' : 'light';
  themeChanged();
}
function themeChanged() {
  readTheme();
  mixTints();
  drawMini();
  fillDetails();
  changed();
}
// Paper has its own layout, and a window from its top on.
function onPaper(on) {
  document.documentElement.classList.toggle('paper', on);
  if (on) printing = theme.dark;
  if (printing) switchTheme(on ? 'light' : 'dark');
  if (on) byId('lanes').scrollTop = 0;
  resized();
  drawFrame();
}
function toggleArrows() {
  view.arrows = !view.arrows;
  byId('arrows').setAttribute('aria-pressed', view.arrows);
  changed();
}
function nextColours() {
  const box = byId('colours');
  box.selectedIndex = (box.selectedIndex + 1) % box.options.length;
  coloursChanged();
}
function coloursChanged() {
  view.colours = byId('colours').value;
  rebuildGutter();
  fillDetails();
  changed();
}
function togglePane() {
  const hidden = byId('main').classList.toggle('alone');
  byId('pane').setAttribute('aria-pressed', !hidden);
  resized();
}

function listen() {
  listenToPointer(byId('canvas'));
  listenToMini();
  listenToKeys();
  byId('lanes').addEventListener('scroll', () => { view.scroll = byId('lanes').scrollTop; changed(); }, {passive: true});
  byId('in').addEventListener('click', () => zoom(0.7));
  byId('out').addEventListener('click', () => zoom(1 / 0.7));
  byId('fit').addEventListener('click', () => setView(0, facts.duration_ns));
  byId('arrows').addEventListener('click', toggleArrows);
  byId('pane').addEventListener('click', togglePane);
  byId('theme').addEventListener('click', () => switchTheme());
  byId('ask').addEventListener('click', () => byId('help').showModal());
  byId('colours').addEventListener('change', event => { coloursChanged(); event.target.blur(); });
  new ResizeObserver(resized).observe(byId('lanes'));
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', themeChanged);
  addEventListener('beforeprint', () => onPaper(true));
  addEventListener('afterprint', () => onPaper(false));
}

function fillHead() {
  const begin = facts.realtime_ms ? new Date(facts.realtime_ms).toISOString().replace('T', ' ').replace(/\.\d+Z/, ' UTC') : '';
  const cores = plural(facts.lanes.length - 1, 'CPU', 'CPUs');
  const parts = [facts.machine, begin, `${duration(facts.duration_ns, 4)} on ${cores}`,
    plural(slices.laneStart[facts.lanes.length - 1], 'slice', 'slices')];
  const about = byId('about');
  about.replaceChildren(el('b', {}, clean(facts.asked || 'the machine')),
    el('span', {}, ...parts.filter(Boolean).map(part => el('span', {}, clean(part)))));
  about.title = about.innerText;
  byId('whole').textContent = duration(facts.duration_ns, 4);
  byId('trust').textContent = clean(facts.trust);
  document.title = ['Timeslice', facts.asked, begin].filter(Boolean).map(clean).join(' · ');
  const {different, ns} = disagreement();
  byId('agree').textContent = different === 0 ? 'This page’s sums equal the recording’s, to the nanosecond.'
    : `This page’s sums differ from the recording’s in ${plural(different, 'thread', 'threads')}, by ${duration(ns)} together, where records are missing.`;
  byId('agree').classList.toggle('differs', different > 0);
}

// What the page leaves out of a thread's facts.
const unsaid = {
  role: 'thread', evidence: '', confidence: 0, kernel: false, outside: false, hidden: false, leader: -1, first_ns: 0, last_ns: 0, oncpu_ns: 0, ready_ns: 0,
  voluntary: 0, involuntary: 0, unclear: 0,
};

async function load() {
  facts = JSON.parse(byId('facts').textContent);
  facts.duration_ns = Math.max(1, facts.duration_ns);
  threads = facts.threads = facts.threads.map(thread => ({...unsaid, ...thread}));
  // The thread that a process goes by: most lead their own.
  threads.forEach((thread, t) => { if (thread.leader < 0) thread.leader = t; });
  for (const thread of threads) for (const key of ['comm', 'role', 'evidence']) thread[key] = clean(thread[key]);
  for (const thread of threads) thread.comm ||= '(no name)';
  [levels, slices] = await Promise.all([readLevels(facts), readSlices(facts)]);
  leavingOf = slices.kinds.map(leaving);
  readLoops();
  readRings();
  buildIndex();
  buildGroups();
  for (const group of groups) for (const t of group.members) threads[t].process = group.name;
  for (const thread of threads) thread.process ??= threads[thread.leader].comm;
  layLanes();
}

async function start() {
  const begin = performance.now();
  try {
    await load();
  } catch (error) {
    byId('notice').replaceChildren(el('p', {}, error.message || String(error)));
    throw error;
  }
  view.to = facts.duration_ns;
  raster = new Raster(byId('canvas'));
  readTheme();
  rankColours();
  mixTints();
  buildTable();
  buildHelp();
  fillHead();
  fillDetails();
  resized();
  fillTable();
  listen();
  byId('notice').remove();
  drawFrame();
  loadedMs = performance.now() - begin;
  expose();
}

function expose() {
  window.timeslice = Object.freeze({
    totals, frameTimes, setView,
    loadedMs,
    facts: () => facts,
    view: () => ({from: view.from, to: view.to, selected: view.selected, scroll: view.scroll, arrows: view.arrowCount}),
    select: i => select(i, true),
    slice: i => ({
      thread: slices.thread[i], lane: slices.lane[i], begin_ns: slices.begin[i], end_ns: slices.end[i],
      wait_ns: slices.wait[i], waking_ns: slices.waking[i], peer: slices.peer[i], ...slices.kinds[slices.kind[i]],
    }),
    // Where block n of loop l lies on the screen.
    blockPlace: (l, n) => {
      const box = byId('canvas').getBoundingClientRect(), block = facts.loops[l].blocks[n];
      return {x: box.left + xOf((block.begin_ns + block.end_ns) / 2) / view.dpr, y: box.top + laneMiddle(lanes.find(lane => lane.loop === facts.loops[l]))};
    },
    // Where stretch n of ring r lies on the screen.
    stretchPlace: (r, n) => {
      const box = byId('canvas').getBoundingClientRect(), stretch = facts.rings[r].stretches[n];
      return {x: box.left + xOf((stretch.begin_ns + stretch.end_ns) / 2) / view.dpr, y: box.top + laneMiddle(lanes.find(lane => lane.ring === facts.rings[r]))};
    },
    count: () => slices.laneStart[facts.lanes.length - 1],
    // Where slice i lies on the screen: {core: {x, y}, thread: {x, y}} in the window's CSS pixels.
    place: i => {
      const box = byId('canvas').getBoundingClientRect();
      const x = box.left + xOf((slices.begin[i] + slices.end[i]) / 2) / view.dpr, t = slices.thread[i];
      return {core: {x, y: box.top + laneMiddle(coreLane(slices.lane[i]))}, thread: t === nobody || !laneOfThread[t] ? null : {x, y: box.top + laneMiddle(laneOfThread[t])}};
    },
  });
}

queueMicrotask(start);  // when all parts of the program have been read
