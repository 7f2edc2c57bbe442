// SPDX-License-Identifier: MIT
// How much did each thread get in the window in view? The table's sums are exact, cut at the
// window's edges to the nanosecond; over the whole recording they are the report's. Rows are kept and
// rewritten: making them anew while the window moves would cost more than drawing the lanes.

const columns = [
  {key: 'name', title: 'Thread', says: 'Name and tid', of: sum => threads[sum.thread].comm.toLowerCase(), text: null},
  {key: 'oncpu_ns', title: 'On CPU', says: 'CPU time, ms', of: sum => sum.oncpu_ns, text: sum => milliseconds(sum.oncpu_ns)},
  {key: 'wait_ns', title: 'Waiting', says: 'Runnable, waiting for a CPU, ms', of: sum => sum.wait_ns, text: sum => milliseconds(sum.wait_ns)},
  {key: 'voluntary', title: 'Vol', says: 'Voluntary switches', of: sum => sum.voluntary, text: sum => grouped(sum.voluntary)},
  {key: 'involuntary', title: 'Invol', says: 'Involuntary switches', of: sum => sum.involuntary, text: sum => grouped(sum.involuntary)},
];
const rowLimit = 400;
const order = {key: 'oncpu_ns', down: true};
const tableRows = new Map();  // by thread: {row, cells, texts}

function buildTable() {
  byId('table').querySelector('thead tr').replaceChildren(...columns.map(column =>
    el('th', {scope: 'col', title: column.says, 'data-key': column.key},
      el('button', {onclick: () => sortBy(column.key)}, column.title))));
}

function sortBy(key) {
  order.down = order.key === key ? !order.down : key !== 'name';
  order.key = key;
  fillTable();
}

function sortedSums() {
  const rows = totals(view.from, view.to)
    .filter(sum => isShown(sum.thread) && (sum.oncpu_ns > 0 || sum.wait_ns > 0 || sum.voluntary > 0 || sum.involuntary > 0));
  const {of} = columns.find(column => column.key === order.key), sign = order.down ? -1 : 1;
  return rows.sort((a, b) => {
    const x = of(a), y = of(b);
    return (x < y ? -sign : x > y ? sign : 0) || b.oncpu_ns - a.oncpu_ns || a.thread - b.thread;
  });
}

// `moving`: only as many rows as can be seen.
function fillTable(moving = false) {
  const table = byId('table'), box = table.parentElement;
  const limit = moving ? Math.ceil((box.scrollTop + box.clientHeight) / 20) + 4 : rowLimit;
  const rows = sortedSums();
  for (const th of table.tHead.rows[0].cells)
    th.setAttribute('aria-sort', th.dataset.key !== order.key ? 'none' : order.down ? 'descending' : 'ascending');
  const wanted = rows.slice(0, limit).map(tableRow), body = table.tBodies[0];
  const same = body.rows.length === wanted.length && wanted.every((row, n) => body.rows[n] === row);
  if (!same) body.replaceChildren(...wanted);
  const total = {thread: nobody};
  for (const {key} of columns.slice(1)) total[key] = rows.reduce((sum, row) => sum + row[key], 0);
  table.tFoot.replaceChildren(el('tr', {}, el('th', {scope: 'row'},
    rows.length > rowLimit ? `All, ${rows.length - rowLimit} not shown` : 'All'),
    ...columns.slice(1).map(column => el('td', {}, column.text(total)))));
  byId('tableSum').textContent = `${rows.length} of ${insiders}, times in ms`;
}

function tableRow(sum) {
  const t = sum.thread;
  if (!tableRows.has(t)) tableRows.set(t, newRow(t));
  const {row, cells, texts} = tableRows.get(t);
  columns.slice(1).forEach((column, n) => {
    const text = column.text(sum);
    if (texts[n] !== text) cells[n].textContent = texts[n] = text;
  });
  const selected = view.selected >= 0 && slices.thread[view.selected] === t;
  const look = (selected ? 'selected' : '') + (isDim(t) ? ' dim' : '');
  if (row.className !== look) row.className = look;
  return row;
}

function newRow(t) {
  const mark = el('i', {class: 'swatch'}), {process, tgid, role, comm, tid} = threads[t];
  mark.style.background = swatch(t);
  const name = el('a', {href: '#', title: `${process} ${tgid}, ${role}`, onclick: event => {
    event.preventDefault();
    unfoldFor(t);
    selectNear(t, (view.from + view.to) / 2);
  }}, comm, el('small', {}, ' ' + tid));
  const cells = columns.slice(1).map(() => el('td', {}));
  return {row: el('tr', {'data-thread': t}, el('th', {scope: 'row'}, mark, name), ...cells), cells, texts: []};
}
