// SPDX-License-Identifier: MIT
// How are a hundred thousand bars drawn in a few milliseconds? As pixels in memory, which the canvas
// takes in one piece. Sizes are device pixels; what lies outside [top, bottom) isn't painted.

class Raster {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext('2d', {alpha: false});
    this.resize(1, 1);
  }
  resize(width, height) {
    this.width = width;
    this.height = height;
    if (this.canvas.width !== width) this.canvas.width = width;
    if (this.canvas.height !== height) this.canvas.height = height;
    this.image = this.context.createImageData(width, height);
    this.pixels = new Uint32Array(this.image.data.buffer);
    this.clip(0, height);
  }
  clip(top, bottom) {
    this.top = Math.max(0, top);
    this.bottom = Math.min(this.height, bottom);
  }
  clear(colour) { this.pixels.fill(colour); }
  show() { this.context.putImageData(this.image, 0, 0); }

  rect(x0, x1, y0, y1, colour) {
    if (x0 < 0) x0 = 0;
    if (x1 > this.width) x1 = this.width;
    if (y0 < this.top) y0 = this.top;
    if (y1 > this.bottom) y1 = this.bottom;
    if (x0 >= x1) return;
    const {pixels, width} = this;
    for (let row = y0 * width, end = y1 * width; row < end; row += width) {
      if (x1 - x0 > 16) pixels.fill(colour, row + x0, row + x1);
      else for (let x = row + x0; x < row + x1; ++x) pixels[x] = colour;
    }
  }
  // The same for one pixel's width, which is what most bars have.
  column(x, y0, y1, colour) {
    if (y0 < this.top) y0 = this.top;
    if (y1 > this.bottom) y1 = this.bottom;
    const {pixels, width} = this;
    for (let at = y0 * width + x, end = y1 * width + x; at < end; at += width) pixels[at] = colour;
  }
  hatchColumn(x, y0, y1, pale, colour, shift, period) {
    if (y0 < this.top) y0 = this.top;
    if (y1 > this.bottom) y1 = this.bottom;
    const {pixels, width} = this, thick = period >> 1;
    let phase = (x + y0 - shift) % period;
    for (let at = y0 * width + x, end = y1 * width + x; at < end; at += width) {
      pixels[at] = phase < thick ? colour : pale;
      if (++phase === period) phase = 0;
    }
  }
  // Diagonal lines, fixed to what they are drawn on: `shift` is where that begins.
  hatch(x0, x1, y0, y1, colour, shift, period) {
    if (x0 < 0) x0 = 0;
    if (x1 > this.width) x1 = this.width;
    if (y0 < this.top) y0 = this.top;
    if (y1 > this.bottom) y1 = this.bottom;
    const {pixels, width} = this;
    const thick = period >> 1;
    for (let y = y0; y < y1; ++y) {
      let phase = (x0 + y - shift) % period;
      if (phase < 0) phase += period;
      for (let x = y * width + x0, end = y * width + x1; x < end; ++x) {
        if (phase < thick) pixels[x] = colour;
        if (++phase === period) phase = 0;
      }
    }
  }
}
