// SPDX-License-Identifier: MIT
// Which key does what? One table, from which the help behind `?` is made as well.

const keys = [
  {keys: ['+', '=', 'w'], shown: '+ w', says: 'zoom in', does: () => zoom(0.7)},
  {keys: ['-', '_', 's'], shown: '− s', says: 'zoom out', does: () => zoom(1 / 0.7)},
  {keys: ['ArrowLeft', 'a'], shown: '← a', says: 'earlier', does: () => pan(-view.width / 8)},
  {keys: ['ArrowRight', 'd'], shown: '→ d', says: 'later', does: () => pan(view.width / 8)},
  {keys: ['ArrowUp'], shown: '↑', says: 'lanes above', does: () => scrollLanes(-60)},
  {keys: ['ArrowDown'], shown: '↓', says: 'lanes below', does: () => scrollLanes(60)},
  {keys: ['0'], shown: '0', says: 'the whole recording', does: () => setView(0, facts.duration_ns)},
  {keys: ['z'], shown: 'z', says: 'zoom to the selected slice', does: () => view.block ? zoomToPart(view.block.block) : view.stretch ? zoomToPart(view.stretch.stretch) : view.selected >= 0 && zoomTo(view.selected)},
  {keys: ['[', ','], shown: '[ ,', says: 'this thread’s previous slice', does: () => step(-1)},
  {keys: [']', '.'], shown: '] .', says: 'this thread’s next slice', does: () => step(1)},
  {keys: ['/'], shown: '/', says: 'find threads; Enter: next, Shift Enter: previous', does: () => byId('search').focus()},
  {keys: ['g'], shown: 'g', says: `arrows of all wake-ups in view, up to ${arrowLimit}`, does: () => toggleArrows()},
  {keys: ['c'], shown: 'c', says: 'colour by thread, by CPU, by reason', does: () => nextColours()},
  {keys: ['f'], shown: 'f', says: 'fold or open all processes', does: () => foldAll()},
  {keys: ['l'], shown: 'l', says: 'show or hide details and table', does: () => togglePane()},
  {keys: ['t'], shown: 't', says: 'light or dark', does: () => switchTheme()},
  {keys: ['?'], shown: '?', says: 'this help', does: () => byId('help').showModal()},
  {keys: ['Escape'], shown: 'Esc', says: 'clear the selection', does: () => select(-1)},
];

function listenToKeys() {
  document.addEventListener('keydown', event => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.target, typing = target.matches('input, select, dialog *, dialog');
    if (typing) return;
    if (target.matches('button, [role=button], th') && [' ', 'Enter'].includes(event.key)) return;
    const entry = keys.find(one => one.keys.includes(event.key));
    if (!entry) return;
    event.preventDefault();
    entry.does();
  });
  const box = byId('search');
  box.addEventListener('input', () => find(box.value));
  box.addEventListener('keydown', event => {
    if (event.key === 'Enter') { event.preventDefault(); nextMatch(event.shiftKey ? -1 : 1); }
    if (event.key === 'Escape') { box.value = ''; find(''); byId('canvas').focus(); }
  });
}

function buildHelp() {
  const close = el('button', {onclick: () => byId('help').close(), autofocus: true}, 'Close');
  byId('help').append(
    el('h2', {}, 'Keys'),
    el('dl', {class: 'keys'}, ...keys.flatMap(one => [
      el('dt', {}, ...one.shown.split(' ').map(key => el('kbd', {}, key))), el('dd', {}, one.says)])),
    el('h2', {}, 'Mouse'),
    el('p', {}, 'Wheel: zoom at the pointer; with Shift: scroll the lanes. Drag: move. Shift and drag: zoom to the ' +
      'selection. Click: select; double-click: zoom to it. Click on a group’s name: fold it.'),
    el('h2', {}, 'Why a slice ends'),
    el('p', {}, 'S sleeps · D uninterruptible sleep (disk) · P preempted, or its slice expired · R yielded the CPU ' +
      'while runnable · T stopped · X ended · I idle · K parked · … still running when the recording ended'),
    close);
}

// Which threads does the search find? By name, process, role, or the beginning of a tid.
const search = {active: false, found: [], list: [], at: -1};
function find(text) {
  const words = text.trim().toLowerCase();
  search.active = words !== '';
  const fits = thread => [thread.comm, thread.role, thread.process].some(name => name.toLowerCase().includes(words)) ||
    String(thread.tid).startsWith(words) || String(thread.tgid) === words;
  search.found = threads.map(thread => search.active && fits(thread));
  // In the lanes' order; those that didn't run have nothing to step to, and come last.
  const found = groups.flatMap(group => group.roles.flatMap(role => role.members)).filter(t => search.found[t]);
  search.list = [...found.filter(hasSlices), ...found.filter(t => !hasSlices(t))];
  search.at = -1;
  byId('matches').textContent = search.active ? plural(search.list.length, 'thread', 'threads') : '';
  mixTints();
  drawMini();
  rebuildGutter();
  changed();
}
function nextMatch(step) {
  if (search.list.length === 0) return;
  search.at = (search.at + step + search.list.length) % search.list.length;
  if (search.at < 0) search.at = search.list.length - 1;
  const t = search.list[search.at];
  byId('matches').textContent = `${search.at + 1} of ${search.list.length}`;
  unfoldFor(t);
  selectNear(t, (view.from + view.to) / 2);
}
// The slice of thread t that is nearest to a moment.
function selectNear(t, ns) {
  const start = byThread.start[t], end = byThread.start[t + 1];
  if (start === end) { select(-1); reveal(t); return; }
  const after = Math.min(end - 1, begun(t, ns)), before = Math.max(start, after - 1);
  const near = Math.abs(byThread.end[before] - ns) < Math.abs(byThread.begin[after] - ns) ? before : after;
  select(byThread.ids[near], true);
}
