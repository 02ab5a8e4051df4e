// The page: files come in by drop or by choice, answers go out in words.
import {badgeIn, MAX_FILE} from './carriers.mjs';
import {strictJson} from './documents.mjs';
import {looksLikeJwt} from './signatures.mjs';
import {NOTHING, verify} from './checks.mjs';

const QUESTIONS = {
  signature: 'Is it what the issuer signed?',
  issuer: 'Is the issuer one you can trust?',
  time: 'Is it valid today?',
  status: 'Does it still stand?',
  recipient: 'Is it theirs?'
};
const UNANSWERED = NOTHING.replace(/^Not answered: t/, 'T');
const ANSWERS = {passed: ['✓', 'Yes'], failed: ['✗', 'No'], 'not asked': ['–', 'Not asked']};
const BESIDE = ['../issuer.json', '../status/revocation.json', '../status/suspension.json',
  '../status/revocation.jwt', '../status/suspension.jwt'];

// What the page's own server published is trusted as far as that server; what was added came with the badge.
const known = {issuers: [], added: [], lists: [], badge: null, name: '', carrier: ''};
const find = id => document.getElementById(id);

// Says what a text is; nothing is believed by that.
function sort(text, name, kind = 'added') {
  if(looksLikeJwt(text)) {
    const parts = text.trim().split('.');
    const body = atob(parts[1].replaceAll('-', '+').replaceAll('_', '/'));
    return body.includes('BitstringStatusListCredential') ? keep(text) : badge(text, name);
  }
  const document = strictJson(text);
  if(document?.verificationMethod && document?.assertionMethod) {
    known[kind] = [...known[kind].filter(each => each.id !== document.id), document];
    return `the issuer ${document.name || document.id}`;
  }
  const types = [document?.type ?? []].flat();
  return types.includes('BitstringStatusListCredential') ? keep(text) : badge(text, name);
}

function keep(text) {
  known.lists = [text, ...known.lists];
  return 'a status list';
}

function badge(text, name, carrier = '') {
  known.badge = text;
  known.name = name;
  known.carrier = carrier;
  return 'a badge';
}

// A certificate carries a badge; what lies there by itself may be a badge, or a file of an issuer.
async function open(file) {
  if(file.size > MAX_FILE) {
    throw new Error(`it is larger than ${MAX_FILE / 2 ** 20} MiB, and no file with a badge is`);
  }
  const {text, carrier} = await badgeIn(new Uint8Array(await file.arrayBuffer()));
  return carrier ? badge(text, file.name, carrier) : sort(text, file.name);
}

async function take(files) {
  const said = [];
  for(const file of files) {
    try {
      said.push(`${file.name}: ${await open(file)}`);
    } catch(error) {
      known.badge = null;
      said.push(`${file.name}: not read, ${error.message}`);
    }
  }
  await show();
  // Said last, so that the answer stands there when a screen reader is told.
  find('taken').textContent = said.join('. ');
}

async function show() {
  const place = find('answer');
  if(known.badge === null) {
    place.hidden = true;
    return;
  }
  const report = await verify({
    badge: known.badge,
    issuers: known.issuers,
    added: known.added,
    trustAdded: find('trust').checked,
    lists: known.lists,
    recipient: find('recipient').value,
    practice: find('practice').checked
  });
  const verdict = find('verdict');
  verdict.className = report.valid ? 'verdict good' : 'verdict bad';
  const what = known.carrier ? `The badge in ${known.name}` : known.name;
  verdict.textContent = report.valid ? `✓ ${what} is valid` : `✗ ${what} is not valid`;
  find('checks').replaceChildren(...report.checks.map(row));
  // Who, what and when first: with a certificate in hand, these are what to compare it with.
  const {Holder, Certificate, 'Valid from': since, 'Valid until': until, ...facts} = report.facts;
  find('who').replaceChildren(element('strong', Holder), element('strong', Certificate),
    element('span', since && until ? `valid from ${since.slice(0, 10)} to ${until.slice(0, 10)}` : ''));
  find('inside').hidden = !known.carrier;
  find('facts').replaceChildren(...Object.entries(facts).flatMap(([name, value]) =>
    [element('dt', name), element('dd', value)]));
  for(const id of ['signed', 'says']) {
    find(id).hidden = Object.keys(report.facts).length === 0;
  }
  place.hidden = false;
}

function row(check) {
  const item = element('li', '');
  const unanswered = check.say === NOTHING;
  const [mark, answer] = ANSWERS[check.state];
  const word = unanswered ? 'Not answered' : answer;
  const sign = element('span', mark, 'mark');
  sign.setAttribute('aria-hidden', 'true');
  item.className = check.state.replace(' ', '-');
  item.dataset.check = check.name;
  item.append(sign, element('strong', `${QUESTIONS[check.name]} ${word}.`),
    element('span', unanswered ? UNANSWERED : check.say, 'why'));
  return item;
}

function element(kind, text, name = '') {
  const made = document.createElement(kind);
  made.textContent = text;
  made.className = name;
  return made;
}

async function fetchBeside() {
  const missing = [];
  // Opened from a disk, a page may not read the files beside it.
  const beside = location.protocol === 'file:' ? [] : BESIDE;
  for(const address of beside) {
    try {
      const answer = await fetch(address, {cache: 'no-cache', credentials: 'omit'});
      if(!answer.ok) {
        throw new Error(answer.statusText);
      }
      sort((await answer.text()).trim(), address, 'issuers');
    } catch(error) {
      missing.push(address.replace('../', ''));
      if(address === BESIDE[0]) {
        break;
      }
    }
  }
  const names = known.issuers.map(each => `${each.name || each.id} (${each.id})`).join(', ');
  find('source').textContent = names ?
    `This page holds the keys of ${names} and ${known.lists.length} status lists. You may go offline now.` +
    (missing.length ? ` Not found: ${missing.join(', ')}.` : '') :
    'No issuer’s keys are at hand beside this page. Add the issuer’s files (issuer.json and its status lists) ' +
    'together with the badge; take them from where you trust.';
  document.documentElement.dataset.ready = 'yes';
}

function start() {
  const zone = find('zone');
  find('files').addEventListener('change', event => take([...event.target.files]));
  find('recipient').addEventListener('input', show);
  find('practice').addEventListener('change', show);
  find('trust').addEventListener('change', show);
  for(const kind of ['dragenter', 'dragover']) {
    document.addEventListener(kind, event => {
      event.preventDefault();
      zone.classList.add('over');
    });
  }
  document.addEventListener('dragleave', () => zone.classList.remove('over'));
  document.addEventListener('drop', event => {
    event.preventDefault();
    zone.classList.remove('over');
    take([...event.dataTransfer.files]);
  });
  fetchBeside();
}

start();
