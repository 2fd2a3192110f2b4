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

// What is done for good asks first, in words of the button itself.
document.addEventListener('submit', (event) => {
  const asked = event.submitter?.dataset.confirm ?? event.target.dataset.confirm;
  if (asked !== undefined && !window.confirm(asked)) event.preventDefault();
});

// A select that filters a list sends its form when it changes.
document.addEventListener('change', (event) => {
  if (event.target.dataset.submits !== undefined) event.target.form?.requestSubmit();
});

document.addEventListener('keydown', (event) => {
  const typing = event.target.closest('input, textarea, select, [contenteditable]');
  if (event.key !== '/' || typing !== null || event.ctrlKey || event.metaKey) return;
  const search = document.querySelector('input[type="search"]');
  if (search === null) return;
  event.preventDefault();
  search.focus();
});

document.addEventListener('htmx:afterSwap', (event) => localTimes(event.target));
document.addEventListener('htmx:afterSettle', (event) => localTimes(event.target));
localTimes(document);
