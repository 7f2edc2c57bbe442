// SPDX-License-Identifier: MIT
// How are times, names and reasons said in words? Names come from strangers: what could steer text
// or hide in it is replaced, and they only ever become text, never HTML.

const odd = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;
const clean = text => String(text).replace(odd, '\ufffd');

// "12.3 ms": three digits, or as many as asked for.
function duration(ns, digits = 3) {
  const [unit, size] = ns < 1e3 ? ['ns', 1] : ns < 1e6 ? ['µs', 1e3] : ns < 1e9 ? ['ms', 1e6] : ['s', 1e9];
  const value = ns / size;
  const decimals = unit === 'ns' ? 0 : Math.max(0, digits - Math.max(1, Math.floor(Math.log10(Math.max(value, 1))) + 1));
  return value.toFixed(decimals) + '\u00a0' + unit;
}

const grouped = number => String(number).replace(/\B(?=(\d{3})+$)/g, '\u202f');

// Milliseconds with three decimals, for the table.
function milliseconds(ns) {
  const [whole, part] = (ns / 1e6).toFixed(3).split('.');
  return grouped(whole) + '.' + part;
}

// A moment since the window's begin, as exact as `step` (both in ns) asks for.
function moment(ns, step = 1) {
  const inSeconds = facts.duration_ns >= 1e9;
  const size = inSeconds ? 1e9 : 1e6;
  const needed = -Math.floor(Math.log10(step / size) + 1e-9);
  // Beyond three, in groups of three: 0.617 500 s.
  const decimals = Math.max(0, Math.min(inSeconds ? 9 : 6, needed > 3 ? 3 * Math.ceil(needed / 3) : needed));
  const sign = ns < 0 ? '−' : '';
  const [whole, part] = (Math.abs(ns) / size).toFixed(decimals).split('.');
  const tail = part ? '.' + part.replace(/(\d{3})(?=\d)/g, '$1\u202f') : '';
  return sign + grouped(whole) + tail + '\u00a0' + (inSeconds ? 's' : 'ms');
}

const percent = ratio => (100 * ratio).toFixed(ratio < 0.0995 ? 1 : 0) + '\u00a0%';
const plural = (n, one, many) => `${grouped(n)} ${n === 1 ? one : many}`;

const threadName = t => t === nobody ? 'a thread outside' : threads[t].comm;
const threadLong = t => t === nobody ? 'a thread outside this recording' : `${threads[t].comm} ${threads[t].tid}`;

const contextWords = ['(context unknown)', '(in task context)', 'by a softirq', 'by a hardirq'];
const inInterrupt = context => context === 2 || context === 3;

// Why a slice ends: a letter for the lanes, a word, and a colour's number (reasons of colours.js).
function leaving(kind) {
  if (kind.endCut) return {letter: '…', word: 'still running when the recording ended, or records were lost', colour: 5};
  const state = kind.leaving;
  if (state & 0x100) return {letter: 'P', word: 'preempted inside the kernel', colour: 1};
  if (state & 0x30) return {letter: 'X', word: 'ended', colour: 4};
  if (state & 0x80) return {letter: 'I', word: 'idle (uninterruptible, not counted as load)', colour: 0};
  if (state & 0x40) return {letter: 'K', word: 'parked', colour: 3};
  if (state & 0x0c) return {letter: 'T', word: state & 4 ? 'stopped' : 'stopped by its tracer', colour: 3};
  if (state & 0x02) return {letter: 'D', word: 'uninterruptible sleep, mostly for a disk', colour: 2};
  if (state & 0x01) return {letter: 'S', word: 'sleeps', colour: 0};
  return kind.voluntary
    ? {letter: 'R', word: 'yielded the CPU while still runnable', colour: 0}
    : {letter: 'P', word: 'still runnable: preempted, slice expired, or yielded', colour: 1};
}

// HTML by hand, with text as text: el('b', {title: '…'}, 'text', child).
function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, '');
    else if (value !== false && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter(child => child !== undefined && child !== null));
  return element;
}
const byId = id => document.getElementById(id);
