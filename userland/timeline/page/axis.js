// SPDX-License-Identifier: MIT
// Where in time are we? The axis above the lanes, and the strip that always shows the whole
// recording, with the window in view as a frame that can be dragged.

// Round moments, at least 110 pixels apart.
function tickStep() {
  const least = (view.to - view.from) * 110 / view.width;
  const power = 10 ** Math.floor(Math.log10(least));
  for (const factor of [1, 2, 5, 10]) if (factor * power >= least) return Math.max(1, factor * power);
  return 10 * power;
}
function ticks() {
  const step = tickStep(), list = [];
  for (let n = Math.ceil(view.from / step); n * step <= view.to; ++n) list.push(n * step);
  return list;
}

function drawAxis() {
  const canvas = byId('axisCanvas'), dpr = view.dpr, context = canvas.getContext('2d');
  const width = Math.round(view.width * dpr), height = Math.round(26 * dpr);
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  context.setTransform(dpr, 0, 0, dpr, 0, 0);
  context.fillStyle = cssOf(theme.paper);
  context.fillRect(0, 0, view.width, 26);
  context.font = '11px ' + theme.font;
  context.textBaseline = 'middle';
  const step = tickStep();
  for (const ns of ticks()) {
    const x = Math.round((ns - view.from) / (view.to - view.from) * view.width) + 0.5;
    context.fillStyle = cssOf(theme.line);
    context.fillRect(x - 0.5, 15, 1, 11);
    context.fillStyle = cssOf(mix(theme.ink, theme.paper, 0.25));
    const text = moment(ns, step);
    if (x + 5 + context.measureText(text).width <= view.width) context.fillText(text, x + 5, 14);
  }
  context.fillStyle = cssOf(theme.faint);
  for (const ns of ticks())
    for (let part = -4; part < 5; ++part) {
      const x = Math.round((ns + part * step / 5 - view.from) / (view.to - view.from) * view.width);
      context.fillRect(x, 22, 1, 4);
    }
  byId('span').textContent = duration(view.to - view.from, 4);
}

// The whole recording: a strip a core, or where there are too many, what they do together.
function drawMini() {
  const miniHeight = byId('miniCanvas').parentElement.clientHeight;
  miniRaster ??= new Raster(byId('miniCanvas'));
  const dpr = view.dpr, cores = facts.lanes.length - 1;
  miniRaster.resize(Math.max(1, Math.round(view.width * dpr)), Math.round(miniHeight * dpr));
  miniRaster.clear(tint.paper);
  const frame = frameOf(miniRaster, 0, facts.duration_ns);
  const each = miniHeight / cores;
  if (each < 3.5) paintTotal(frame, 0, miniRaster.height);
  else for (let core = 0; core < cores; ++core) {
    const top = Math.round(core * each * dpr), bottom = Math.round((core + 1) * each * dpr) - 1;
    miniRaster.rect(0, miniRaster.width, top, bottom, tint.lane);
    paintCore(frame, core, top, bottom - top);
  }
  miniRaster.show();
}

function placeMiniFrame() {
  const box = byId('miniFrame'), scale = 100 / facts.duration_ns;
  box.style.left = view.from * scale + '%';
  box.style.width = `max(6px, ${(view.to - view.from) * scale}%)`;
  box.setAttribute('aria-valuenow', Math.round((view.from + view.to) / 2 * scale));
  box.setAttribute('aria-valuetext', `${moment(view.from, 1e3)} to ${moment(view.to, 1e3)}`);
}
