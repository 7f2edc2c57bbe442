// SPDX-License-Identifier: MIT
// Does the timeline's page work in a real browser? Loads it from a file, zooms, pans, clicks and
// searches as a hand would, and compares what it says with what it was given. One line a check.
//
//   node tests/page/drive.mjs PAGE.html [--truth FILE] [--shots DIR] [--bench] [--real]
//
// Needs chromium and chromedriver; tests/page/run.sh makes a page and runs this. Exit 0: all checks
// passed, or there is no browser here, which counts as skipped; 1: some failed.
import {resolve} from 'node:path';
import {mkdir, readFile} from 'node:fs/promises';
import {bench} from './bench.mjs';
import {Browser} from './browser.mjs';

const page = process.argv[2];
const isReal = process.argv.includes('--real');
const option = name => process.argv.includes(name) ? process.argv[process.argv.indexOf(name) + 1] || true : null;
const shots = option('--shots');
let passed = 0, failed = 0;

function check(says, holds, more = '') {
  if (holds) ++passed; else ++failed;
  console.log(`${holds ? 'ok  ' : 'FAIL'} ${says}${more === '' ? '' : `: ${more}`}`);
}

const browser = await Browser.start().catch(error => {
  console.log(`SKIP: no browser to drive: ${error.message}\n0 passed, 0 failed, 1 skipped`);
  process.exit(0);
});
const ask = (script, ...args) => browser.run(`const t = window.timeslice, d = t && t.facts().duration_ns; ${script}`, ...args);
const shot = async name => { if (shots) await browser.shot(`${shots}/${name}.png`); };
const text = selector => ask('return document.querySelector(arguments[0]).innerText', selector);
const canvasBox = () => ask('const b = document.getElementById("canvas").getBoundingClientRect(); return {x: b.left, y: b.top, w: b.width, h: b.height}');
const near = (a, b, slack) => Math.abs(a - b) <= slack;

async function loads() {
  await browser.open('file://' + resolve(page));
  await browser.until('return !!window.timeslice || document.querySelector("#notice p").innerText.indexOf("Reading") < 0', 'the page');
  check('the page loads from a file', await browser.run('return !!window.timeslice'));
  await browser.settle();
}

async function agrees() {
  const [different, checked] = await ask(`let off = 0; const sums = t.totals(0, d);
    for (const sum of sums) {
      const model = t.facts().threads[sum.thread];
      if (sum.oncpu_ns !== model.oncpu_ns || sum.wait_ns !== model.ready_ns) ++off;
      // Where records are missing, the model counts switches that end no slice.
      if (model.unclear === 0 && t.facts().missing === 0 && (sum.voluntary !== model.voluntary || sum.involuntary !== model.involuntary)) ++off;
    }
    return [off, sums.length]`);
  check('sums over the whole window equal the model’s, to the nanosecond', different === 0, `${checked} threads`);
  const parts = await ask(`const cuts = [0, d * 0.1, d / 3, d * 0.777, d];
    let off = 0; const whole = t.totals(0, d), sums = cuts.slice(1).map((to, i) => t.totals(cuts[i], to));
    for (const sum of whole) for (const key of ['oncpu_ns', 'wait_ns', 'voluntary', 'involuntary'])
      if (Math.abs(sums.reduce((n, part) => n + part[sum.thread][key], 0) - sum[key]) > 0.01) ++off;
    return off`);
  check('parts of the window add up to the whole', parts === 0);
  const shown = await ask(`const rows = [...document.querySelectorAll('#table tbody tr')]; let off = 0;
    const number = cell => Number(cell.innerText.replace(/[^0-9.]/g, ''));
    for (const row of rows) {
      const model = t.facts().threads[row.dataset.thread], cells = row.querySelectorAll('td');
      if (Math.abs(number(cells[0]) - model.oncpu_ns / 1e6) > 0.00051 || Math.abs(number(cells[1]) - model.ready_ns / 1e6) > 0.00051) ++off;
    }
    return [rows.length, off]`);
  check('the table shows them', shown[0] > 0 && shown[1] === 0, `${shown[0]} rows`);
  check('the page says so', (await text('footer')).includes('equal the recording’s'));
  check('the trust line closes the page', (await text('#trust')).startsWith('trust:'));
}

// What `timeslice report --json` says of the same recording.
async function equalsReport() {
  const {all} = JSON.parse(await readFile(option('--report'), 'utf8'));
  const shown = await ask(`return [...document.querySelectorAll('#table tfoot td')].map(cell => Number(cell.innerText.replace(/[^0-9.]/g, '')))`);
  const told = [all.oncpu_ms, all.wait_ms];
  check('the table’s last row is the report’s', told.every((ms, n) => near(shown[n], ms, 0.00051)), `${shown.slice(0, 2)} of ${told}`);
}

// Each slice against the one that went into the page; wake-ups are kept to 32 ns.
async function isTrue() {
  const {begin_ns, slices} = JSON.parse(await readFile(option('--truth'), 'utf8'));
  const read = await ask(`return Array.from({length: arguments[0]}, (_, i) => {
    const s = t.slice(i);
    return [s.thread, s.begin_ns, s.end_ns, s.wait_ns, s.waking_ns, s.peer, s.because, s.context, s.leaving, s.voluntary, s.beginCut, s.endCut];
  })`, slices.length);
  const wrong = slices.filter((slice, i) => {
    const same = slice.slice();
    same[1] -= begin_ns;
    same[2] -= begin_ns;
    same[4] = same[4] === 0 ? -1 : same[4] - begin_ns;
    if (near(read[i][4], same[4], 32)) read[i][4] = same[4];
    return JSON.stringify(read[i]) !== JSON.stringify(same);
  });
  check('every slice is what went into the page', slices.length > 0 && wrong.length === 0, `${slices.length} slices, ${wrong.length} wrong`);
}

async function zoomsAndPans() {
  const box = await canvasBox(), x = box.x + box.w * 0.7, y = box.y + box.h / 2;
  const before = await ask('return t.view()');
  await browser.wheel(x, y, -240);
  const zoomed = await ask('return t.view()');
  const at = view => view.from + 0.7 * (view.to - view.from);
  const length = view => view.to - view.from;
  check('the wheel zooms in', length(zoomed) < 0.8 * length(before));
  check('at the pointer', near(at(zoomed), at(before), 0.002 * length(before)));
  await browser.keys('+');
  const nearer = await ask('return t.view()');
  check('the key + zooms in', near(length(nearer) / length(zoomed), 0.7, 0.01));
  await browser.keys('d');
  const later = await ask('return t.view()');
  check('the key d goes on', later.from > nearer.from && near(length(later), length(nearer), 1));
  const sumBefore = await text('#table tfoot');
  await browser.drag(x, y, x + 120, y);
  const dragged = await ask('return t.view()');
  check('dragging moves the window with the hand', near(later.from - dragged.from, 120 * length(later) / box.w, 0.02 * length(later)));
  // On a busy machine two windows of one length may have the same sums.
  if (!isReal) check('the table follows', sumBefore !== await text('#table tfoot'));
  await tableIsOfTheView('the table’s totals are those of the window in view');
  await browser.keys('-');
  check('the key - zooms out', length(await ask('return t.view()')) > length(dragged));
  await browser.keys('0');
  const fit = await ask('return t.view()');
  check('the key 0 shows the whole recording', fit.from === 0 && fit.to === await ask('return d'));
}

async function marksAndSorts() {
  const box = await canvasBox(), y = box.y + box.h / 2, d = await ask('return d');
  await browser.shiftDrag(box.x + box.w * 0.25, y, box.x + box.w * 0.5, y);
  const marked = await ask('return t.view()');
  check('Shift and drag zooms to what was marked', near(marked.from, d / 4, d / 200) && near(marked.to, d / 2, d / 200));
  const strip = await ask('const b = document.getElementById("miniFrame").parentElement.getBoundingClientRect(); return {x: b.left, y: b.top, w: b.width, h: b.height}');
  const middle = strip.y + strip.h / 2;
  await browser.drag(strip.x + strip.w * 0.3, middle, strip.x + strip.w * 0.5, middle);
  const moved = await ask('return t.view()');
  check('the frame on the whole recording can be dragged', near(moved.from - marked.from, 0.2 * d, d / 100) && near(moved.to - moved.from, marked.to - marked.from, 1));
  const column = () => ask('return [...document.querySelectorAll("#table tbody tr")].map(row => Number(row.cells[2].innerText.replace(/[^0-9.]/g, "")))');
  const sorted = (values, sign) => values.every((value, n) => n === 0 || sign * (value - values[n - 1]) >= 0);
  await browser.clickOn('#table th[data-key=wait_ns] button');
  check('the table sorts by waiting', sorted(await column(), -1));
  await browser.clickOn('#table th[data-key=wait_ns] button');
  check('and the other way round', sorted(await column(), 1));
  await browser.clickOn('#table th[data-key=oncpu_ns] button');
}

async function tableIsOfTheView(says) {
  const holds = await ask(`const {from, to} = t.view(); let oncpu = 0;
    for (const sum of t.totals(from, to)) if (!t.facts().threads[sum.thread].hidden) oncpu += sum.oncpu_ns;
    const shown = Number(document.querySelector('#table tfoot td').innerText.replace(/[^0-9.]/g, ''));
    return Math.abs(shown - oncpu / 1e6) < 0.00051`);
  check(says, holds);
}

// A slice of the middle that `condition` fits, with the view around it.
const choose = condition => ask(`const n = t.count();
  for (let k = 0; k < n; ++k) {
    const i = (k + (n >> 2)) % n, s = t.slice(i);
    if (!(s.end_ns - s.begin_ns > 2000 && ${condition})) continue;
    const length = s.end_ns - s.begin_ns;
    t.setView(s.begin_ns - 2 * length, s.end_ns + 2 * length);
    return {i, ...s, taker: i + 1 < n ? t.slice(i + 1).thread : -1};
  }
  return null`);
const name = thread => ask('const x = t.facts().threads[arguments[0]]; return x.comm + " " + x.tid', thread);

async function selects() {
  const slice = await choose('s.because === 1 && s.peer >= 0 && s.voluntary && s.wait_ns > 0');
  await browser.settle();
  const place = await ask('return t.place(arguments[0])', slice.i);
  await browser.click(place.core.x, place.core.y);
  check('a click selects the slice', (await ask('return t.view()')).selected === slice.i);
  const details = await text('#details');
  check('details name the thread', details.includes((await name(slice.thread)).split(' ')[0]) && details.includes((await name(slice.thread)).split(' ').pop()));
  check('details name the waker', details.includes(`woken by ${await name(slice.peer)}`));
  check('details say that it left voluntarily', details.includes('voluntarily: '));
  await shot('selected');
  const first = (await ask('return t.view()')).selected;
  await browser.keys(']');
  const next = (await ask('return t.view()')).selected;
  check('the key ] goes to the thread’s next slice', next !== first && (await ask('return t.slice(arguments[0])', next)).thread === slice.thread);
  await browser.keys('[');
  check('the key [ goes back', (await ask('return t.view()')).selected === first);
  await browser.clickOn('#details a');
  check('a click on the waker’s name goes there', (await ask('return t.slice(t.view().selected)')).thread === slice.peer);
  const lost = await choose('!s.voluntary && !s.endCut && t.slice(i + 1).begin_ns === s.end_ns');
  await ask('t.select(arguments[0])', lost.i);
  check('details name the preemptor', (await text('#details')).includes(`preempted by ${await name(lost.taker)}`));
  await browser.keys('g');
  check('the key g draws arrows', (await ask('return t.view()')).arrows >= 0);
  await shot('arrows');
  await browser.keys('g');
}

// The made-up recording has a loop with three blocks, and one of a thread that nobody knows.
async function showsLoops() {
  await ask('document.getElementById("lanes").scrollTop = 0');
  await browser.keys('0');
  const lanes = await ask('return [...document.querySelectorAll("#gutter .lane.loop")].map(lane => lane.innerText)');
  check('each event loop has a lane', lanes.length === 2 && /app\.js\s+20\s%\sblocked/.test(lanes[0]), lanes.join(', '));
  const place = await ask('return t.blockPlace(0, 0)');
  await browser.click(place.x, place.y);
  const details = await text('#details');
  const block = await ask('return t.facts().loops[0].blocks[0]');
  check('a click on a block tells its function', details.includes('load<b>') && details.includes('app.js:12') && details.includes('2 of 2 samples'));
  check('and how its time was spent', details.includes('waiting for one') && details.includes('asleep in a call') && !details.includes('on a CPU'));
  await shot('block');
  await browser.keys('z');
  const near = await ask('return t.view()');
  check('the key z zooms to it', near.from < block.begin_ns && near.to > block.end_ns && near.to - near.from < 2.5 * (block.end_ns - block.begin_ns));
  await browser.keys(']');
  check('the key ] goes to the loop’s next block', (await text('#details')).includes('wasn’t sampled'));
  await browser.keys(']');
  check('one that goes on says so', (await text('#details')).includes('went on when the recording ended'));
  await browser.keys('\uE00C');
  check('Escape clears the selection', (await text('#details')).includes('Nothing selected'));
  await browser.keys('0');
}

// Of its ring, 100 operations, then none with two in flight, then 1,300, mostly by io-wq.
async function showsRings() {
  await ask('document.getElementById("lanes").scrollTop = 0');
  await browser.keys('0');
  const lanes = await ask('return [...document.querySelectorAll("#gutter .lane.ring")].map(lane => lane.innerText)');
  check('each ring has a lane', lanes.length === 1 && /ring 4 of ring<b>\s+1\s400\soperations/.test(lanes[0]), lanes.join(', '));
  // A bar's colour, a little above its foot and at its top.
  const colours = await ask(`const box = document.getElementById('canvas'), f = t.facts().rings[0].stretches, dpr = devicePixelRatio;
    const data = (x, y) => [...box.getContext('2d').getImageData(Math.round(x * dpr), Math.round(y * dpr), 1, 1).data].slice(0, 3).join();
    return [0, 1, 2].map(n => { const at = t.stretchPlace(0, n), edge = box.getBoundingClientRect();
      const x = at.x - edge.left, y = at.y - edge.top; return [data(x, y + 6), data(x, y - 6)]; })`);
  check('the route that most took has its colour', colours[2][1] === '224,142,69', JSON.stringify(colours));
  check('less is a lower bar, and what is only in flight has none', colours[0][1] === colours[1][1] && colours[1][0] === colours[1][1] && colours[0][1] !== colours[2][1]);
  const place = await ask('return t.stretchPlace(0, 2)');
  await browser.click(place.x, place.y);
  const details = await text('#details');
  check('a click on a stretch tells its operations by route', /1\s300 operations/.test(details) && /inline\s+25: RECV 25/.test(details) && /poll\s+75: RECV 75/.test(details) && /io-wq\s+1\s200: NOP 1\s200/.test(details), details);
  check('and what was in flight', details.includes('1 at its end'));
  await shot('ring');
  await browser.keys('z');
  const near = await ask('return t.view()'), last = await ask('return t.facts().rings[0].stretches[2]');
  check('the key z zooms to it', near.from < last.begin_ns && near.to > last.end_ns && near.to - near.from < 2.5 * (last.end_ns - last.begin_ns));
  await browser.keys('[');
  check('the key [ goes to the ring’s previous stretch', (await text('#details')).includes('2 at its end'));
  await browser.keys('\uE00C');
  check('Escape clears it', (await text('#details')).includes('Nothing selected'));
  await browser.keys('0');
}

async function searches() {
  await browser.keys('0/');
  // The name that most threads bear, as far as it can be typed.
  const word = await ask(`const times = {};
    for (const x of t.facts().threads) if (/^[a-z]+$/.test(x.comm)) times[x.comm] = (times[x.comm] ?? 0) + 1;
    return Object.keys(times).sort((a, b) => times[b] - times[a])[0]`);
  await browser.keys(word);
  const found = Number((await text('#matches')).split(' ')[0]);
  const wanted = await ask('return t.facts().threads.filter(x => [x.comm, x.role, x.process].some(y => y.toLowerCase().includes(arguments[0]))).length', word);
  check('the search finds by name, process and role', found === wanted && found > 0, `${found} threads`);
  await shot('search');
  await browser.keys('\uE007');
  const one = (await ask('return t.view()')).selected;
  await browser.keys('\uE007');
  const two = (await ask('return t.view()')).selected;
  check('Enter steps from one to the next', one >= 0 && two >= 0 && one !== two && (await text('#matches')).startsWith('2 of'));
  await browser.keys('\uE00C');
  check('Escape ends it', (await text('#matches')) === '');
}

async function folds() {
  const before = await ask('return document.querySelectorAll("#gutter .lane.thread").length');
  await ask('document.getElementById("lanes").scrollTop = 0');
  await browser.keys('f');
  const after = await ask('return document.querySelectorAll("#gutter .lane.role").length');
  check('the key f folds the processes', after === 0 && before > 0);
  await browser.keys('f');
  await browser.keys('?');
  check('the key ? opens the help', await ask('return document.getElementById("help").open'));
  await shot('help');
  await browser.keys('\uE00C');
}

// What would speak to the network, or send what is later asked elsewhere: each has a directive.
const attempts = [
  ['connect-src', `fetch('http://127.0.0.1:9/').catch(() => 0)`],
  ['img-src', `add('img', {src: 'http://127.0.0.1:9/'})`],
  ['script-src-elem', `add('script', {src: 'http://127.0.0.1:9/'})`],
  ['style-src-elem', `add('link', {rel: 'stylesheet', href: 'http://127.0.0.1:9/'})`],
  ['font-src', `new FontFace('x', 'url(http://127.0.0.1:9/)').load().catch(() => 0)`],
  ['media-src', `add('video', {src: 'http://127.0.0.1:9/'})`],
  ['object-src', `add('embed', {src: 'http://127.0.0.1:9/'})`],
  ['frame-src', `add('iframe', {src: 'http://127.0.0.1:9/'})`],
  ['worker-src', `try { new Worker('data:text/javascript,') } catch {}`],
  ['base-uri', `add('base', {href: 'http://127.0.0.1:9/'})`],
  ['form-action', `add('form', {action: 'http://127.0.0.1:9/', target: add('iframe', {name: 'sent'}).name}).submit()`],
];

async function isSafe() {
  const tags = await ask('return [document.querySelectorAll("#gutter img, #table img, #details img, script").length, document.querySelectorAll("script").length]');
  check('names stay text', tags[0] === tags[1] && tags[1] === 6);
  check('nothing was fetched', (await ask('return performance.getEntriesByType("resource").length')) === 0);
  const events = (await browser.log('performance')).map(entry => JSON.parse(entry.message).message);
  const urls = events.filter(event => event.method === 'Network.requestWillBeSent').map(event => event.params.request.url);
  const outside = urls.filter(url => !url.startsWith('file:') && !url.startsWith('data:') && !url.startsWith('blob:'));
  check('no request left the file', outside.length === 0, outside.join(' '));
  const errors = (await browser.log('browser')).filter(entry => entry.level === 'SEVERE');
  check('the console has no error', errors.length === 0, errors.map(entry => entry.message).join(' | '));
  for (const [directive, attempt] of attempts)
    check(`the policy forbids it by ${directive}`, await browser.run(`return new Promise(done => {
      document.addEventListener('securitypolicyviolation', violation => violation.effectiveDirective === '${directive}' && done(true));
      setTimeout(() => done(false), 60000);
      const add = (tag, properties) => document.body.appendChild(Object.assign(document.createElement(tag), properties));
      ${attempt}; })`));
}

// A sheet on its side has some 10 inches by 7 within its margins, of 96 pixels each.
async function prints() {
  await ask(`dispatchEvent(new Event('beforeprint'))`);
  await browser.settle();
  const [width, height, drawn, shown, axis] = await ask(`const box = id => document.getElementById(id).getBoundingClientRect();
    const canvas = document.getElementById('canvas'), ratio = Math.min(2, Math.max(1, devicePixelRatio));
    return [document.body.offsetWidth, box('left').bottom, canvas.width / ratio, box('canvas').width, Math.abs(box('axisCanvas').left - box('canvas').left)]`);
  check('lanes and their axis fit on one sheet', width <= 970 && height <= 690, `${width} by ${height.toFixed(0)}`);
  check('what is printed was drawn for it', near(drawn, shown, 1) && axis < 2, `${drawn} for ${shown}`);
  await shot('paper');
  await ask(`dispatchEvent(new Event('afterprint'))`);
  await browser.settle();
  check('the screen is as it was', await ask(`return !document.documentElement.classList.contains('paper') && document.documentElement.scrollHeight <= innerHeight`));
}

async function saysWhatItLacks() {
  const {identifier} = await browser.cdp('Page.addScriptToEvaluateOnNewDocument', {source: 'delete window.DecompressionStream'});
  await browser.open('file://' + resolve(page));
  await browser.until('return document.querySelector("#notice p").innerText.includes("too old")', 'the sentence');
  check('a browser that is too old gets a sentence', (await text('#notice')).includes('lacks DecompressionStream'));
  await browser.cdp('Page.removeScriptToEvaluateOnNewDocument', {identifier});
}

async function themes() {
  const paper = () => ask('return getComputedStyle(document.body).backgroundColor');
  const before = await paper();
  await browser.keys('t');
  check('the key t switches between light and dark', before !== await paper());
  await shot('other-theme');
  await browser.keys('t');
  await browser.resize(1024, 700);
  await browser.settle();
  const fits = await ask('return document.documentElement.scrollWidth <= innerWidth && document.getElementById("canvas").clientWidth > 400');
  check('1024 by 700 is enough', fits);
  await shot('narrow');
}

try {
  if (typeof shots === 'string') await mkdir(shots, {recursive: true});
  await loads();
  await shot('whole');
  if (process.argv.includes('--bench')) await bench(browser);
  if (option('--truth')) await isTrue();
  if (option('--report')) await equalsReport();
  // What is made up has a slice of each kind; what really happened may not.
  const everything = [agrees, zoomsAndPans, marksAndSorts, selects, showsLoops, showsRings, searches, folds, isSafe, prints, themes, saysWhatItLacks];
  for (const part of isReal ? [agrees, zoomsAndPans, isSafe, themes] : everything) await part();
} catch (error) {
  check('the browser was driven to the end', false, error.message);
} finally {
  await browser.stop();
}
console.log(`${passed} passed, ${failed} failed, 0 skipped`);
process.exit(failed === 0 ? 0 : 1);
