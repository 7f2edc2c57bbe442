// SPDX-License-Identifier: MIT
// How is a real browser driven with nothing but node? By chromedriver's HTTP interface (the W3C's
// WebDriver): a few calls of it, enough to load a page, press, point, ask and take pictures.
import {spawn} from 'node:child_process';
import {writeFile} from 'node:fs/promises';

const driverProgram = process.env.CHROMEDRIVER || 'chromedriver';
const elementKey = 'element-6066-11e4-a52e-4f735466cecf';

async function startDriver() {
  const child = spawn(driverProgram, ['--port=0'], {stdio: ['ignore', 'pipe', 'inherit']});
  const port = await new Promise((resolve, reject) => {
    let said = '';
    child.on('error', reject);
    child.on('exit', code => reject(new Error(`chromedriver ended with ${code}: ${said}`)));
    child.stdout.on('data', data => {
      said += data;
      const found = /successfully on port (\d+)/.exec(said);
      if (found) resolve(Number(found[1]));
    });
  });
  return {child, base: `http://127.0.0.1:${port}`};
}

export class Browser {
  static async start({width = 1440, height = 900, dark = false} = {}) {
    const browser = new Browser();
    browser.driver = await startDriver();
    const args = ['--headless=new', '--no-sandbox', '--disable-gpu', '--hide-scrollbars=false',
      `--window-size=${width},${height}`, '--disable-dev-shm-usage'];
    if (dark) args.push('--force-dark-mode');
    const answer = await browser.call('POST', '/session', {capabilities: {alwaysMatch: {
      browserName: 'chrome',
      'goog:loggingPrefs': {performance: 'ALL', browser: 'ALL'},
      'goog:chromeOptions': {args, ...(process.env.CHROMIUM ? {binary: process.env.CHROMIUM} : {})},
    }}});
    browser.session = answer.sessionId;
    return browser;
  }

  async call(method, path, body) {
    const prefix = this.session ? `/session/${this.session}` : '';
    const response = await fetch(this.driver.base + prefix + path, {
      method, body: body === undefined ? undefined : JSON.stringify(body),
    });
    const {value} = await response.json();
    if (!response.ok) throw new Error(`${method} ${path}: ${value.error}: ${value.message.split('\n')[0]}`);
    return value;
  }

  open(url) { return this.call('POST', '/url', {url}); }
  // Runs a function's body in the page; it may return a promise.
  run(script, ...args) { return this.call('POST', '/execute/sync', {script, args}); }
  resize(width, height) { return this.call('POST', '/window/rect', {width, height}); }
  log(type) { return this.call('POST', '/se/log', {type}); }
  cdp(cmd, params) { return this.call('POST', '/goog/cdp/execute', {cmd, params}); }

  async until(script, what, ms = 120000) {
    for (const end = Date.now() + ms; Date.now() < end;) {
      if (await this.run(script)) return;
      await new Promise(resolve => setTimeout(resolve, 50));
    }
    throw new Error(`${what} didn't come within ${ms} ms`);
  }
  // Until the table is complete, 250 ms after the last change, and what was changed has been drawn.
  settle() {
    return this.run('return new Promise(done => setTimeout(() => requestAnimationFrame(() => requestAnimationFrame(() => done(true))), 300))');
  }

  async keys(text) {
    const actions = [...text].flatMap(value => [{type: 'keyDown', value}, {type: 'keyUp', value}]);
    await this.call('POST', '/actions', {actions: [{type: 'key', id: 'keyboard', actions}]});
    await this.settle();
  }
  async pointer(...actions) {
    await this.call('POST', '/actions', {actions: [{type: 'pointer', id: 'mouse', parameters: {pointerType: 'mouse'}, actions}]});
    await this.settle();
  }
  move(x, y) { return {type: 'pointerMove', duration: 0, x: Math.round(x), y: Math.round(y)}; }
  click(x, y) { return this.pointer(this.move(x, y), {type: 'pointerDown', button: 0}, {type: 'pointerUp', button: 0}); }
  drag(x0, y0, x1, y1) {
    return this.pointer(this.move(x0, y0), {type: 'pointerDown', button: 0}, this.move((x0 + x1) / 2, (y0 + y1) / 2),
      this.move(x1, y1), {type: 'pointerUp', button: 0});
  }
  // WebDriver can't hold a key while it drags; the browser's own protocol can.
  async shiftDrag(x0, y0, x1, y1) {
    const mouse = (type, x, y) => this.cdp('Input.dispatchMouseEvent',
      {type, x, y, modifiers: 8, button: 'left', buttons: type === 'mouseReleased' ? 0 : 1, clickCount: 1});
    await mouse('mousePressed', x0, y0);
    await mouse('mouseMoved', (x0 + x1) / 2, (y0 + y1) / 2);
    await mouse('mouseMoved', x1, y1);
    await mouse('mouseReleased', x1, y1);
    await this.settle();
  }
  async wheel(x, y, deltaY) {
    await this.call('POST', '/actions', {actions: [{type: 'wheel', id: 'wheel', actions: [
      {type: 'scroll', x: Math.round(x), y: Math.round(y), deltaX: 0, deltaY, duration: 0, origin: 'viewport'}]}]});
    await this.settle();
  }
  async clickOn(selector) {
    const found = await this.call('POST', '/element', {using: 'css selector', value: selector});
    await this.call('POST', `/element/${found[elementKey]}/click`, {});
    await this.settle();
  }
  async shot(file) {
    await writeFile(file, Buffer.from(await this.call('GET', '/screenshot'), 'base64'));
  }

  async stop() {
    try {
      if (this.session) await this.call('DELETE', '');
    } finally {
      this.driver.child.removeAllListeners('exit');
      this.driver.child.kill();
    }
  }
}
