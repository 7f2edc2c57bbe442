// SPDX-License-Identifier: MIT
// How much did each thread get in the window in view? The table's sums are exact, cut at the
// window's edges to the nanosecond; over the whole recording they are the report's.

const columns = [
  {key: 'name', title: 'Thread', says: 'Name and tid', of: sum => threads[sum.thread].comm.toLowerCase(), text: null},
  {key: 'oncpu_ns', title: 'On CPU', says: 'Time on a core, ms', of: sum => sum.oncpu_ns, text: sum => milliseconds(sum.oncpu_ns)},
  {key: 'wait_ns', title: 'Waiting', says: 'Ready, but without a core, ms', of: sum => sum.wait_ns, text: sum => milliseconds(sum.wait_ns)},
  {key: 'voluntary', title: 'Vol', says: 'Voluntary switches', of: sum => sum.voluntary, text: sum => grouped(sum.voluntary)},
  {key: 'involuntary', title: 'Invol', says: 'Involuntary switches', of: sum => sum.involuntary, text: sum => grouped(sum.involuntary)},
];
const rowLimit = 400;
const order = {key: 'oncpu_ns', down: true};

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

function fillTable() {
  const sums = totals(view.from, view.to);
  const rows = sums.filter(sum => sum.oncpu_ns > 0 || sum.wait_ns > 0 || sum.voluntary > 0 || sum.involuntary > 0);
  const {of} = columns.find(column => column.key === order.key), sign = order.down ? -1 : 1;
  rows.sort((a, b) => {
    const x = of(a), y = of(b);
    return (x < y ? -sign : x > y ? sign : 0) || b.oncpu_ns - a.oncpu_ns || a.thread - b.thread;
  });
  for (const th of byId('table').querySelectorAll('th'))
    th.setAttribute('aria-sort', th.dataset.key !== order.key ? 'none' : order.down ? 'descending' : 'ascending');
  byId('table').tBodies[0].replaceChildren(...rows.slice(0, rowLimit).map(tableRow));
  const add = key => rows.reduce((total, sum) => total + sum[key], 0);
  const total = {thread: nobody};
  for (const column of columns.slice(1)) total[column.key] = add(column.key);
  byId('table').tFoot.replaceChildren(el('tr', {}, el('th', {scope: 'row'},
    rows.length > rowLimit ? `All, ${rows.length - rowLimit} not shown` : 'All'),
    ...columns.slice(1).map(column => el('td', {}, column.text(total)))));
  byId('tableSum').textContent = `${rows.length} of ${threads.length}, times in ms`;
}

function tableRow(sum) {
  const t = sum.thread, selected = view.selected >= 0 && slices.thread[view.selected] === t;
  const mark = el('i', {class: 'swatch'});
  mark.style.background = swatch(t);
  const name = el('a', {href: '#', title: `${threads[t].process} ${threads[t].tgid}, ${threads[t].role}`, onclick: event => {
    event.preventDefault();
    unfoldFor(t);
    selectNear(t, (view.from + view.to) / 2);
  }}, threads[t].comm, el('small', {}, ' ' + threads[t].tid));
  return el('tr', {class: (selected ? 'selected ' : '') + (isDim(t) ? 'dim' : ''), 'data-thread': t},
    el('th', {scope: 'row'}, mark, name), ...columns.slice(1).map(column => el('td', {}, column.text(sum))));
}
