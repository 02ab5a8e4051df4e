// The questions about a credential, each answered by itself; what cannot be answered is answered with no.
import {base64url, BADGE_CONTEXTS, LIST_CONTEXTS, moment, Refused, unpack} from './documents.mjs';
import {kindOfId} from './issuers.mjs';
import {checkSignature, read} from './signatures.mjs';

const PURPOSES = {revocation: 'it was revoked', suspension: 'it is suspended'};
const MODES = ['practice', 'proctored', 'unproctored'];
const SKEW = 5 * 60 * 1000;
const SMALLEST = 131072;
const LARGEST = 8 * 2 ** 20;
export const NOTHING = 'Not answered: the signature does not hold, so nothing in the document can be believed.';

// Answers for a badge: {valid, checks: [{name, state, say}], facts}.
//
// issuers: documents of issuers that are trusted already; added: documents that came along with the badge, which
// are only believed when trustAdded says that they were taken from the issuer itself.
export async function verify({
  badge, issuers, lists, added = [], now = new Date(), recipient = '', practice = false, trustAdded = false
}) {
  let found;
  try {
    found = await read(badge, BADGE_CONTEXTS);
  } catch(error) {
    return unreadable(error, recipient);
  }
  const {document} = found;
  const id = document.issuer?.id ?? document.issuer;
  const own = issuers.find(each => each.id === id);
  const issuer = own ?? added.find(each => each.id === id);
  const signature = await ask('signature', () => checkBadge(found, issuer, now));
  const believed = signature.state === 'passed';
  const rest = {
    issuer: () => checkIssuer(document, issuer, practice, own !== undefined || trustAdded),
    time: () => checkTime(document, now),
    status: () => checkStatus(document, issuer, lists, now)
  };
  const checks = [signature];
  for(const [name, question] of Object.entries(rest)) {
    checks.push(believed ? await ask(name, question) : {name, state: 'failed', say: NOTHING});
  }
  checks.push(await checkRecipient(document, recipient.trim(), believed));
  return {valid: checks.every(each => each.state !== 'failed'), checks, facts: believed ? facts(document) : {}};
}

async function ask(name, question) {
  try {
    return {name, state: 'passed', say: await question()};
  } catch(error) {
    const why = error instanceof Refused ? error.message : 'the answer could not be found';
    return {name, state: 'failed', say: `${why[0].toUpperCase()}${why.slice(1)}.`};
  }
}

function unreadable(error, recipient) {
  const why = error instanceof Refused ? error.message : 'it cannot be read';
  const checks = [{name: 'signature', state: 'failed', say: `Nothing that can be verified: ${why}.`}];
  for(const name of ['issuer', 'time', 'status', ...(recipient.trim() ? ['recipient'] : [])]) {
    checks.push({name, state: 'failed', say: NOTHING});
  }
  return {valid: false, checks, facts: {}};
}

async function checkBadge(found, issuer, now) {
  if(!issuer) {
    throw new Refused('the keys of its issuer are not at hand, so its signature cannot be checked');
  }
  // The window of time is a question of its own; here only the mathematics is asked.
  const {document} = found;
  const within = new Date(Math.max(moment(document.validFrom).getTime(), 0));
  await checkSignature(found, issuer, within);
  const types = Array.isArray(document.type) ? document.type : [];
  if(!types.includes('VerifiableCredential') || !types.includes('OpenBadgeCredential')) {
    throw new Refused('the signature holds, but this is no Open Badges 3.0 credential');
  }
  if(document.proof && moment(document.proof.created).getTime() > now.getTime() + SKEW) {
    throw new Refused(`it claims to be signed at ${document.proof.created}, which is yet to come`);
  }
  return 'It is exactly what the key of the issuer signed.';
}

function checkIssuer(document, issuer, practice, trusted) {
  const mode = resultOf(document, 'Exam mode');
  const name = issuer.name || issuer.id;
  const selfMade = kindOfId(issuer.id) === 'did:key';
  if(!MODES.includes(mode)) {
    throw new Refused('it does not say in the place for it whether the exam was proctored');
  }
  if(!selfMade && mode === 'practice') {
    throw new Refused('a practice result under the name of an issuer of exams');
  }
  if(!selfMade && !trusted) {
    throw new Refused('the keys came along with the badge, so whoever made it may have made them: ' +
      'say that you took them from the issuer itself');
  }
  if(!selfMade) {
    return `${name} (${issuer.id}), whose published keys are at hand.`;
  }
  if(mode !== 'practice') {
    throw new Refused('a key that only vouches for itself issued it, and it does not say that it is practice');
  }
  if(!practice) {
    throw new Refused('practice: the key vouches for itself, so anybody could have made it; tick that it will do');
  }
  return `Practice: ${name}, a key that vouches for itself. It proves nothing to others.`;
}

function checkTime(document, now) {
  const since = moment(document.validFrom);
  if(document.validUntil === undefined) {
    throw new Refused('it says no end, and a certificate has one');
  }
  const until = moment(document.validUntil);
  if(now.getTime() + SKEW < since.getTime()) {
    throw new Refused(`valid only from ${document.validFrom}`);
  }
  if(now >= until) {
    throw new Refused(`it expired on ${document.validUntil}`);
  }
  return `Valid from ${document.validFrom} to ${document.validUntil}.`;
}

async function checkStatus(document, issuer, lists, now) {
  const {type, statusPurpose, statusListCredential, statusListIndex, ...more} = document.credentialStatus ?? {};
  if(type !== 'BitstringStatusListEntry' || 'statusSize' in more || !/^\d{1,9}$/.test(statusListIndex)) {
    throw new Refused('its status is not one bit in a list');
  }
  const [, base, form] = /^(.*\/status\/)revocation\.(json|jwt)$/.exec(statusListCredential) ?? [];
  if(statusPurpose !== 'revocation' || !base) {
    throw new Refused('expected one status, in a list of what was revoked');
  }
  // The list of what is suspended lies beside it, and has the same place for the same credential.
  const fresh = [];
  for(const [purpose, said] of Object.entries(PURPOSES)) {
    const list = await newest(`${base}${purpose}.${form}`, issuer, lists);
    checkList(list, issuer, purpose, now);
    if(bit(await bitsOf(list.credentialSubject.encodedList), Number(statusListIndex))) {
      throw new Refused(said);
    }
    fresh.push(list);
  }
  const since = fresh.map(each => each.validFrom).sort()[0];
  const until = fresh.map(each => each.validUntil).sort()[0];
  return `Neither revoked nor suspended, say the lists that the issuer signed at ${since}; they hold until ${until}.`;
}

// Of several lists with one address the newest counts: an old one that came with a badge hides nothing.
async function newest(address, issuer, lists) {
  let found = null;
  for(const text of lists) {
    const list = await read(text, LIST_CONTEXTS).catch(() => ({document: {}}));
    const {document} = list;
    if(document.id !== address) {
      continue;
    }
    await checkSignature(list, issuer, moment(document.validFrom));
    if(!found || moment(document.validFrom) > moment(found.validFrom)) {
      found = document;
    }
  }
  if(!found) {
    throw new Refused(`the status list ${address} is not at hand`);
  }
  return found;
}

function checkList(document, issuer, purpose, now) {
  const subject = document.credentialSubject ?? {};
  const fits = document.issuer === issuer.id && [document.type].flat().includes('BitstringStatusListCredential') &&
    subject.type === 'BitstringStatusList' && subject.statusPurpose === purpose && !('statusSize' in subject);
  if(!fits) {
    throw new Refused(`the status list is not the one of this issuer for ${purpose}`);
  }
  if(now < moment(document.validFrom) || now >= moment(document.validUntil)) {
    throw new Refused(`the status list held from ${document.validFrom} to ${document.validUntil}: a fresh one is needed`);
  }
}

async function bitsOf(encoded) {
  if(typeof encoded !== 'string' || encoded[0] !== 'u') {
    throw new Refused('the status list is not in multibase base64url');
  }
  const bits = await unpack(base64url(encoded.slice(1)), 'gzip', LARGEST, 'the status list');
  if(bits.length * 8 < SMALLEST) {
    throw new Refused(`the status list has fewer than ${SMALLEST} bits`);
  }
  return bits;
}

function bit(bits, index) {
  if(index >= bits.length * 8) {
    throw new Refused('its place lies outside the status list');
  }
  return (bits[index >> 3] & 0x80 >> index % 8) !== 0;
}

async function checkRecipient(document, recipient, believed) {
  const name = 'recipient';
  if(!recipient) {
    return {name, state: 'not asked', say: 'Not asked: say who showed it to you to find out whether it is theirs.'};
  }
  if(!believed) {
    return {name, state: 'failed', say: NOTHING};
  }
  const trimmed = recipient.replace(/^mailto:/, '');
  const normal = trimmed.includes('@') ? trimmed.toLowerCase() : trimmed;
  const subject = document.credentialSubject;
  const hashes = [subject.identifier ?? []].flat().filter(each => each.hashed === true && each.identityType !== 'name');
  for(const each of hashes) {
    const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(normal + (each.salt ?? '')));
    const hex = [...new Uint8Array(digest)].map(byte => byte.toString(16).padStart(2, '0')).join('');
    if(each.identityHash === `sha256$${hex}`) {
      return {name, state: 'passed', say: `Issued to ${recipient}.`};
    }
  }
  // What the issuer made up for somebody without a DID stands in the badge: whoever has seen it can say it.
  if(subject.id === recipient && !recipient.startsWith('urn:uuid:')) {
    return {name, state: 'passed', say: `Issued to ${recipient}.`};
  }
  return {name, state: 'failed', say: `It was not issued to ${recipient}.`};
}

function resultOf(document, name) {
  const subject = document.credentialSubject ?? {};
  const described = [subject.achievement?.resultDescription ?? []].flat().filter(each => each.name === name);
  const values = [subject.result ?? []].flat().filter(each =>
    described.length === 1 && each.resultDescription === described[0].id);
  return values.length === 1 ? values[0].value : undefined;
}

function facts(document) {
  const subject = document.credentialSubject ?? {};
  const names = [subject.identifier ?? []].flat().filter(each => each.hashed === false && each.identityType === 'name');
  const found = {
    Certificate: document.name,
    Holder: names.length === 1 ? names[0].identityHash : undefined,
    Number: subject.licenseNumber,
    'Exam mode': resultOf(document, 'Exam mode'),
    'Score in percent': resultOf(document, 'Score'),
    Issuer: document.issuer?.name,
    'Valid from': document.validFrom,
    'Valid until': document.validUntil
  };
  return Object.fromEntries(Object.entries(found).filter(([, value]) => typeof value === 'string'));
}
