// SPDX-License-Identifier: MIT
// How does a packed page begin? This part stands in it as it is. It turns text to bytes, inflates
// them, and runs the program that was among them; a browser that can't gets a message.

const base91Values = (() => {
  const values = new Uint8Array(128);
  let n = 0;
  for (let c = 0x21; c <= 0x7e; ++c) if (!'"&<'.includes(String.fromCharCode(c))) values[c] = n++;
  return values;
})();

// "SIZE TEXT": two characters hold 13 bits, the lowest first.
function bytesOf(element) {
  const text = element.textContent;
  const size = parseInt(text, 10);
  const bytes = new Uint8Array(size);
  let at = 0, pending = 0, bits = 0;
  for (let i = text.indexOf(' ') + 1; at < size && i + 1 < text.length; i += 2) {
    const low = base91Values[text.charCodeAt(i)], high = base91Values[text.charCodeAt(i + 1)];
    pending |= (low + high * 91) << bits;
    for (bits += 13; bits >= 8; bits -= 8, pending >>>= 8) bytes[at++] = pending;
  }
  element.textContent = '';  // the text is no longer needed, and not small
  return bytes;
}

async function inflated(bytes) {
  if (typeof DecompressionStream === 'undefined')
    throw new Error('This browser is too old for this page: it lacks DecompressionStream, which ' +
      'Chrome 80, Firefox 113 and Safari 16.4 or later have.');
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

window.timesliceBoot = {bytesOf, inflated};

addEventListener('DOMContentLoaded', async () => {
  try {
    const script = document.createElement('script');
    script.textContent = new TextDecoder().decode(await inflated(bytesOf(document.getElementById('program'))));
    document.body.append(script);
  } catch (error) {
    document.getElementById('notice').firstElementChild.textContent = error.message;
  }
});
