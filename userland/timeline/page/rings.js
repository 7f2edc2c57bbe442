// SPDX-License-Identifier: MIT
// What did io_uring's rings do? A lane for each, above the CPUs: how many operations were completed
// in each stretch of the recorder's, by the route that the kernel took for them, as stacked bars.

const routeNames = ['inline', 'async callback', 'poll', 'io-wq'];
const routeColours = [base[2], base[5], base[7], base[1]];

function readRings() {
  for (const ring of facts.rings) {
    ring.name = clean(ring.name) || `process ${ring.tgid}`;
    ring.count = ring.most = 0;
    for (const stretch of ring.stretches) {
      stretch.routes = [0, 1, 2, 3].map(route => Object.values(stretch.ops).reduce((sum, op) => sum + op[route], 0));
      stretch.count = stretch.routes.reduce((sum, count) => sum + count, 0);
      stretch.rate = stretch.count / stretch.length_ns;
      ring.count += stretch.count;
      ring.most = Math.max(ring.most, stretch.rate);
    }
  }
}

const ringName = ring => `${ring.fd < 0 ? 'other rings' : 'ring ' + ring.fd} of ${ring.name}`;
const perSecond = stretch => `${grouped(Math.round(stretch.rate * 1e9))} per s`;
const mainRoute = stretch => stretch.routes.indexOf(Math.max(...stretch.routes));

function paintRing(frame, ring, y, height) {
  const {from, scale, raster} = frame, colours = routeColours.map(colour => pixel(rgbOf(colour)));
  for (const stretch of ring.stretches) {
    const x0 = Math.round((stretch.begin_ns - from) * scale);
    const x1 = Math.max(x0 + 1, Math.round((stretch.end_ns - from) * scale));
    if (x1 < 0 || x0 > raster.width) continue;
    raster.rect(x0, x1, y + height - 1, y + height, tint.line);  // in flight at least
    if (stretch.count === 0) continue;
    const high = Math.max(3, height * stretch.rate / ring.most);
    let below = 0;
    stretch.routes.forEach((count, route) => {
      const bottom = y + height - Math.round(high * below / stretch.count);
      below += count;
      const top = y + height - Math.round(high * below / stretch.count);
      if (count > 0) raster.rect(x0, x1 - x0 > 5 ? x1 - 1 : x1, Math.min(top, bottom - 1), bottom, colours[route]);
    });
  }
}

// By which route most was done, and how much: where stretches that have the same one begin.
function labelRing(context, lane, top, letter) {
  const middle = top + lane.height / 2, {stretches} = lane.ring;
  let labels = 0, free = 0;
  stretches.forEach((stretch, n) => {
    if (stretch.count === 0 || stretch.end_ns < view.from || stretch.begin_ns > view.to || labels > labelLimit) return;
    const before = stretches[n - 1];
    if (before && before.count > 0 && before.end_ns >= view.from && mainRoute(before) === mainRoute(stretch)) return;
    let last = n;
    while (stretches[last + 1] && stretches[last + 1].count > 0 && mainRoute(stretches[last + 1]) === mainRoute(stretch)) ++last;
    const x0 = Math.max(0, free, xOf(stretch.begin_ns) / view.dpr) + 4;
    const text = fitText(routeNames[mainRoute(stretch)], Math.min(view.width, xOf(stretches[last].end_ns) / view.dpr) - x0 - 2, letter);
    if (!text) return;
    context.lineWidth = 3;
    context.strokeStyle = cssOf(theme.paper);
    context.strokeText(text, x0, middle);
    context.fillStyle = cssOf(theme.ink);
    context.fillText(text, x0, middle);
    free = x0 + text.length * letter + 6;
    ++labels;
  });
  return labels;
}

function hitRing(found, pixelNs) {
  for (const stretch of found.lane.ring.stretches) {
    if (stretch.end_ns < found.ns - pixelNs / 2 || stretch.begin_ns > found.ns + pixelNs / 2) continue;
    if (!found.stretch || stretch.count > found.stretch.count) found.stretch = stretch;
  }
}

const routeShares = stretch => stretch.routes.map((count, route) => [routeNames[route], count]).filter(([, count]) => count > 0)
  .map(([name, count]) => `${percent(count / stretch.count)} ${name}`).join(', ');

function ringTip(found, time) {
  const {ring} = found.lane, {stretch} = found, head = el('b', {}, ringName(ring));
  if (!stretch) return [head, el('span', {}, 'nothing done, nothing in flight'), time];
  if (stretch.count === 0) return [head, el('span', {}, `${grouped(stretch.in_flight)} in flight`), time];
  return [head, el('span', {}, `${plural(stretch.count, 'operation', 'operations')}, ${perSecond(stretch)}`), el('span', {}, routeShares(stretch)), time];
}

function ringRow(ring, row) {
  row.append(el('b', {}, ringName(ring)), el('small', {}, plural(ring.count, 'operation', 'operations')));
  row.title = `io_uring ${ringName(ring)}, process ${ring.tgid}`;
}

function selectStretch(ring, stretch) {
  view.selected = -1;
  view.block = null;
  view.stretch = stretch ? {ring, stretch} : null;
  fillDetails();
  changed();
}

function stepStretch(by) {
  const {ring, stretch} = view.stretch, next = ring.stretches[ring.stretches.indexOf(stretch) + by];
  if (!next) return;
  selectStretch(ring, next);
  bringPartIntoView(next);
}

function describeStretch({ring, stretch}) {
  const rows = [], row = (name, ...what) => rows.push(el('dt', {}, name), el('dd', {}, ...what));
  row('Began', moment(stretch.begin_ns));
  row('Lasted', duration(stretch.length_ns, 4));
  row('Done', el('b', {}, plural(stretch.count, 'operation', 'operations')), el('i', {}, `, ${perSecond(stretch)}`));
  stretch.routes.forEach((count, route) => {
    if (count === 0) return;
    const mark = el('i', {class: 'swatch'});
    mark.style.background = routeColours[route];
    const ops = Object.entries(stretch.ops).filter(([, op]) => op[route] > 0).sort((one, other) => other[1][route] - one[1][route]);
    row(routeNames[route], mark, ` ${grouped(count)}: ` + ops.map(([name, op]) => `${name} ${grouped(op[route])}`).join(', '));
  });
  row('In flight', `${grouped(stretch.in_flight)} at its end`);
  const at = ring.stretches.indexOf(stretch);
  const button = (text, label, by) => el('button',
    {disabled: !ring.stretches[at + by], onclick: () => stepStretch(by), 'aria-label': label, title: label}, text);
  return [el('div', {class: 'title'},
    el('h2', {}, ringName(ring), el('span', {}, `process ${ring.tgid}`)),
    el('div', {class: 'buttons'}, button('◂', 'This ring’s previous stretch', -1), button('▸', 'This ring’s next stretch', 1),
      el('button', {onclick: () => zoomToPart(stretch), title: 'Zoom to this stretch (z)'}, 'Zoom'))),
  el('dl', {}, ...rows)];
}
