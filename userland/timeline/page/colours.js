// SPDX-License-Identifier: MIT
// Which colour does a thread have? The most active get the nine base colours, chosen to stay apart
// for colour-blind eyes in hue and in lightness; those after them the same, paler and then darker.
// A thread keeps its colour in all lanes. Letters and hatching say again what colours say.

const base = ['#3f78b5', '#e08e45', '#2f9c8c', '#c7638f', '#bfa72e', '#86bde8', '#a4503a', '#7361b0', '#8cae55'];
const reasonColours = ['#6a9fcf', '#a8326e', '#8a6d3b', '#8d79b8', '#4a545e', '#a9b3bc'];  // see leaving()
const reasonNames = ['sleeps (S)', 'preempted (P)', 'uninterruptible (D)', 'stopped (T)', 'ended (X)', 'still running (…)'];

const rgbOf = hex => [1, 3, 5].map(i => parseInt(hex.slice(i, i + 2), 16));
const pixel = ([r, g, b]) => (0xff000000 | b << 16 | g << 8 | r) >>> 0;
const mix = (a, b, share) => a.map((v, i) => Math.round(v * (1 - share) + b[i] * share));
const cssOf = rgb => `rgb(${rgb.join(',')})`;

const theme = {};  // rgb triples by the names of page.css, and tables as pixels

function readTheme() {
  const style = getComputedStyle(document.documentElement);
  for (const name of ['paper', 'lane', 'line', 'ink', 'faint', 'wait', 'other', 'sum', 'accent', 'block'])
    theme[name] = rgbOf(style.getPropertyValue('--' + name).trim());
  theme.dark = style.colorScheme === 'dark';
  theme.font = style.getPropertyValue('--mono').trim();
}

function paletteColour(number) {
  const colour = rgbOf(base[number % base.length]);
  const tier = Math.floor(number / base.length) % 3;
  return tier === 0 ? colour : mix(colour, tier === 1 ? [255, 255, 255] : [20, 24, 30], tier === 1 ? 0.42 : 0.38);
}

// rgb by thread, once: rank tells.
let threadRgb = [];
function rankColours() {
  const active = t => threads[t].oncpu_ns + threads[t].ready_ns * 1e-3;
  const ranked = threads.map((_, t) => t).sort((a, b) => active(b) - active(a) || a - b);
  threadRgb = [];
  ranked.forEach((t, rank) => { threadRgb[t] = paletteColour(rank); });
}

// Pixels as they are painted now: what the search doesn't find is dimmed.
const tint = {};
function mixTints() {
  const dim = rgb => pixel(mix(rgb, theme.paper, 0.82));
  const table = colours => ({full: Uint32Array.from(colours, pixel), dim: Uint32Array.from(colours, dim)});
  tint.thread = table(threadRgb);
  tint.core = table(facts.lanes.map((_, i) => paletteColour(i)));
  tint.reason = table(reasonColours.map(rgbOf));
  for (const name of ['paper', 'lane', 'line', 'faint', 'wait', 'other', 'sum', 'block'])
    tint[name] = pixel(theme[name]);
  tint.off = pixel(mix(theme.line, theme.paper, 0.45));
  tint.waitFlat = pixel(mix(theme.wait, theme.paper, 0.48));
  tint.waitPale = pixel(mix(theme.wait, theme.paper, 0.8));
  tint.wait = pixel(mix(theme.wait, theme.paper, 0.25));
  tint.waitDim = dim(theme.wait);
  tint.otherDim = dim(theme.other);
}

// Is black or white text easier to read on it?
const inkOn = ([r, g, b]) => 0.299 * r + 0.587 * g + 0.114 * b > 140 ? '#14181d' : '#ffffff';
const isDim = t => search.active && !(t !== nobody && search.found[t]);
function threadPixel(t) {
  if (t === nobody) return search.active ? tint.otherDim : tint.other;
  return (isDim(t) ? tint.thread.dim : tint.thread.full)[t];
}
// The colour of slice i within its thread's lane, as the user has chosen.
function lanePixel(i, t, dim) {
  if (view.colours === 'thread') return (dim ? tint.thread.dim : tint.thread.full)[t];
  if (view.colours === 'core') return (dim ? tint.core.dim : tint.core.full)[slices.lane[i]];
  return (dim ? tint.reason.dim : tint.reason.full)[leavingOf[slices.kind[i]].colour];
}
const swatch = t => cssOf(t === nobody ? theme.other : threadRgb[t]);
