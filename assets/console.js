// Times in the viewer's zone. Without scripts the pages show UTC.
const moment = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'long' });

function localTimes(root) {
  for (const element of root.querySelectorAll('time[data-local]')) {
    const at = new Date(element.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    element.title = exact.format(at);
    if (element.dataset.local === 'moment') element.textContent = moment.format(at);
    element.removeAttribute('data-local');
  }
}

// On a phone a wide table is a list of cards, in which each cell says what its column is.
function nameCells(root) {
  for (const table of root.querySelectorAll('.scrolls table:not(.stacks)')) {
    const columns = [...table.querySelectorAll('thead th')];
    for (const row of table.tBodies[0]?.rows ?? []) {
      for (const [index, cell] of [...row.cells].entries()) {
        cell.dataset.label = columns[index]?.textContent.trim() ?? '';
        cell.dataset.phone = columns[index]?.dataset.phone ?? (index === 0 ? 'title' : '');
        if (cell.textContent.trim() === '' && cell.children.length === 0) {
          cell.classList.add('blank');
        }
      }
    }
    table.classList.add('stacks');
  }
}

// A part that shows itself anew every other second would be read aloud each time: what it says is read when it changes.
const said = document.querySelector('#said_last');
const lastSaid = new Map();
function say(root) {
  for (const part of root.querySelectorAll('[data-says]')) {
    const text = part.dataset.says;
    if (lastSaid.has(part.id) && lastSaid.get(part.id) !== text) said.textContent = text;
    lastSaid.set(part.id, text);
  }
}

function refine(root) {
  localTimes(root);
  nameCells(root);
}

// A select that filters a list sends its form when it changes.
document.addEventListener('change', (event) => {
  if (event.target.dataset.submits !== undefined) event.target.form?.requestSubmit();
});

document.addEventListener('click', (event) => {
  const button = event.target.closest('button[data-copies]');
  if (button === null) return;
  const text = document.getElementById(button.dataset.copies)?.textContent ?? '';
  navigator.clipboard.writeText(text).then(
    () => {
      button.textContent = 'Copied';
    },
    () => undefined,
  );
});

document.addEventListener('keydown', (event) => {
  const typing = event.target.closest('input, textarea, select, [contenteditable]');
  if (event.key !== '/' || typing !== null || event.ctrlKey || event.metaKey) return;
  const search = document.querySelector('input[type="search"]');
  if (search === null) return;
  event.preventDefault();
  search.focus();
});

// htmx swaps parts that show themselves anew, but none in which somebody is being asked: that would shut the question.
const knowsPopovers = CSS.supports('selector(:popover-open)');
document.addEventListener('htmx:beforeSwap', (event) => {
  if (knowsPopovers && event.target.querySelector(':popover-open') !== null) event.preventDefault();
});
document.addEventListener('htmx:afterSettle', () => {
  refine(document);
  say(document);
  document.querySelector('#said_stale')?.remove();
});
for (const name of ['htmx:sendError', 'htmx:responseError']) {
  document.addEventListener(name, (event) => {
    if (document.querySelector('#said_stale') !== null) return;
    const notice = document.createElement('p');
    notice.id = 'said_stale';
    notice.className = 'notice warn';
    notice.setAttribute('role', 'alert');
    notice.textContent = 'The server does not answer: what is shown here may be old.';
    event.target.before(notice);
  });
}

for (const button of document.querySelectorAll('button[data-copies]')) {
  button.hidden = navigator.clipboard === undefined;
}
refine(document);
say(document);
