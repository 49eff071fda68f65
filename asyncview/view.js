// Keeps the page as the program is: takes the parts of the page as events, and puts each in
// its place. Without this, the page is as it was when it was loaded.
'use strict';

const events = `events${location.search}`;
const pause = document.getElementById('pause');
const status = document.getElementById('status');
let source = null;

const late = new Map(); // parts that are in use, and what they are to be

// inUse reports whether somebody works in a part, or marks text in it.
function inUse(part) {
  const active = document.activeElement;
  const marked = document.getSelection();
  return (part.contains(active) && active.matches('button, input, select'))
    || (marked && !marked.isCollapsed && part.contains(marked.anchorNode));
}

// put replaces a part. What is open stays open, what has the focus keeps the focus, and what
// is scrolled stays there. A part that is in use is replaced later, when another event comes.
function put(part, html) {
  late.delete(part);
  if (inUse(part)) {
    late.set(part, html);
    return;
  }
  const active = part.contains(document.activeElement) ? document.activeElement : null;
  const open = [...part.querySelectorAll('details[open][id]')].map((d) => d.id);
  const scrolled = [...part.querySelectorAll('.scroll')].map((s) => [s.scrollLeft, s.scrollTop]);
  const where = active && ['a', 'summary', '.scroll'].map((kind) => [kind, [...part.querySelectorAll(kind)].indexOf(active)])
    .find(([, index]) => index >= 0);
  const link = active && active.getAttribute('href');
  part.innerHTML = html;
  for (const id of open) document.getElementById(id)?.setAttribute('open', '');
  part.querySelectorAll('.scroll').forEach((s, i) => { if (scrolled[i]) [s.scrollLeft, s.scrollTop] = scrolled[i]; });
  if (!where) return;
  const same = link && [...part.querySelectorAll('a')].find((a) => a.getAttribute('href') === link);
  (same || part.querySelectorAll(where[0])[where[1]])?.focus({ preventScroll: true });
}

function connect() {
  source = new EventSource(events);
  for (const name of ['status', 'wrong', 'scopes', 'graph', 'calls', 'detail']) {
    source.addEventListener(name, (event) => {
      const part = document.getElementById(name);
      for (const [other, html] of [...late]) put(other, html);
      if (part) put(part, event.data);
      document.documentElement.dataset.live = 'yes';
    });
  }
  source.onerror = () => { status.textContent = 'Not connected: this is how it was.'; };
}

function disconnect() {
  source?.close();
  source = null;
  document.documentElement.dataset.live = 'no';
}

pause.hidden = false;
pause.addEventListener('click', () => {
  if (source) disconnect(); else connect();
  pause.textContent = source ? 'Pause' : 'Go on';
});
addEventListener('pagehide', disconnect);
addEventListener('pageshow', () => { if (!source && pause.textContent === 'Pause') connect(); });
