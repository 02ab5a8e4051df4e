// Reading: JSON with one meaning, and the form that a signature covers completely.

export const VC = 'https://www.w3.org/ns/credentials/v2';
export const OPEN_BADGES = 'https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json';
export const BADGE_CONTEXTS = [VC, OPEN_BADGES];
export const LIST_CONTEXTS = [VC];

export const LONGEST = 512 * 1024;
const DEEPEST = 40;
const MOST_OBJECTS = 400;
// Every value is compared with all beside it, before anybody looks at a signature.
const MOST_IN_A_LIST = 400;
const MOST_VALUES = 5000;
const MOST_BRANCHING_AT_ONCE = 6;
const MOST_BRANCHING = 12;

export class Refused extends Error {}

export function strictJson(text) {
  if(text.length > LONGEST) {
    throw new Refused(`it is longer than the ${LONGEST} characters that are read`);
  }
  let value;
  try {
    value = JSON.parse(text);
  } catch(error) {
    throw new Refused('it is not JSON');
  }
  refuseDoubleNames(text);
  return value;
}

// JSON.parse keeps the last of two members with one name, other readers the first.
function refuseDoubleNames(text) {
  const token = /"(?:[^"\\]|\\.)*"|[{}[\],:]/g;
  const open = [];
  let last = null;
  for(let match; (match = token.exec(text));) {
    const [part] = match;
    if(part === '{' || part === '[') {
      open.push(part === '{' ? new Set() : null);
      if(open.length > DEEPEST) {
        throw new Refused(`it is nested deeper than ${DEEPEST}`);
      }
    } else if(part === '}' || part === ']') {
      open.pop();
    } else if(part === ':') {
      const names = open[open.length - 1];
      const name = JSON.parse(last);
      if(names.has(name)) {
        throw new Refused(`“${name}” stands twice in one object`);
      }
      names.add(name);
    }
    last = part;
  }
}

export function checkForm(document, contexts) {
  if(JSON.stringify(document['@context']) !== JSON.stringify(contexts)) {
    throw new Refused('it names other contexts than those of a badge');
  }
  const {'@context': _, ...body} = document;
  const seen = {ids: new Set(), values: 0, objects: 0, branching: 0};
  checkValue(body, 'the document', seen);
  if(seen.branching > MOST_BRANCHING) {
    throw new Refused('it has too many objects without an id that hold others');
  }
}

function checkValue(value, where, seen) {
  if(++seen.values > MOST_VALUES) {
    throw new Refused(`it has more than ${MOST_VALUES} values`);
  }
  if(value === null || value === undefined || typeof value === 'number' && !Number.isSafeInteger(value)) {
    throw new Refused(`${where} has a value that no signature covers`);
  }
  // Half of a surrogate pair is signed as another letter.
  if(typeof value === 'string' && /\p{Surrogate}/u.test(value)) {
    throw new Refused(`${where} holds half a letter`);
  }
  if(typeof value !== 'object') {
    return;
  }
  if(Object.keys(value).length === 0) {
    throw new Refused(`${where} is empty`);
  }
  if(Array.isArray(value)) {
    checkList(value, where);
    value.forEach((each, at) => checkValue(each, `${where}[${at}]`, seen));
    return;
  }
  if(++seen.objects > MOST_OBJECTS) {
    throw new Refused('it has more objects than a badge');
  }
  seen.branching += branches(value);
  if(typeof value.id === 'string') {
    if(seen.ids.has(value.id)) {
      throw new Refused(`the id ${value.id} stands in two objects`);
    }
    seen.ids.add(value.id);
  }
  for(const [name, each] of Object.entries(value)) {
    if(!/^[A-Za-z][A-Za-z0-9]*$/.test(name)) {
      throw new Refused(`${where} has a member “${name}” that is no plain name`);
    }
    checkValue(each, name, seen);
  }
}

function checkList(values, where) {
  if(values.length > MOST_IN_A_LIST) {
    throw new Refused(`${where}: expected at most ${MOST_IN_A_LIST} values, got ${values.length}`);
  }
  const objects = values.filter(each => each && typeof each === 'object');
  if(objects.some(Array.isArray)) {
    throw new Refused(`${where} is a list in a list`);
  }
  // RDF keeps one of two and knows no list of one: both would hide a name from whoever reads the JSON.
  const plain = values.filter(each => !objects.includes(each));
  if(new Set(plain).size !== plain.length) {
    throw new Refused(`${where} holds the same value twice`);
  }
  if(plain.length === 1 && values.length === 1 && where !== 'type') {
    throw new Refused(`${where}: a single value stands by itself, in no list`);
  }
  const bare = objects.filter(each => !('id' in each));
  if(bare.filter(branches).length > MOST_BRANCHING_AT_ONCE) {
    throw new Refused(`${where} has too many objects without an id`);
  }
  const texts = bare.map(each => JSON.stringify(each));
  if(new Set(texts).size !== texts.length) {
    throw new Refused(`${where} holds the same object twice`);
  }
}

// Objects without an id that hold such objects again can be ordered in many ways, and all would be tried.
function branches(value) {
  const bare = each => each !== null && typeof each === 'object' && !Array.isArray(each) && !('id' in each);
  return bare(value) && Object.values(value).flat().some(bare);
}

export function base64url(text) {
  if(!/^[A-Za-z0-9_-]*$/.test(text)) {
    throw new Refused('it is not base64 for URLs');
  }
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(binary, letter => letter.charCodeAt(0));
}

export function asText(bytes) {
  try {
    return new TextDecoder('utf-8', {fatal: true}).decode(bytes);
  } catch(error) {
    throw new Refused('it is not text');
  }
}

// Unpacks with a bound: what is small when packed may be as large as it likes.
export async function unpack(bytes, format, limit, what) {
  const unpacked = new Blob([bytes]).stream().pipeThrough(new DecompressionStream(format));
  const parts = [];
  let size = 0;
  try {
    for(const reader = unpacked.getReader();;) {
      const {done, value} = await reader.read();
      if(done) {
        break;
      }
      size += value.length;
      if(size > limit) {
        reader.cancel().catch(() => {});
        throw new Refused(`${what} unpacks to more than ${limit} bytes`);
      }
      parts.push(value);
    }
  } catch(error) {
    throw error instanceof Refused ? error : new Refused(`${what} does not unpack`);
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

const ALPHABET = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';

export function base58(text) {
  let number = 0n;
  for(const letter of text) {
    const digit = ALPHABET.indexOf(letter);
    if(digit < 0) {
      throw new Refused('a key is not base58');
    }
    number = number * 58n + BigInt(digit);
  }
  const bytes = [];
  for(; number > 0n; number >>= 8n) {
    bytes.unshift(Number(number & 0xffn));
  }
  return Uint8Array.from(bytes);
}

export function moment(text) {
  if(typeof text !== 'string' || !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)$/.test(text)) {
    throw new Refused(`“${text}” is no moment`);
  }
  const at = new Date(text);
  if(Number.isNaN(at.getTime())) {
    throw new Refused(`“${text}” is no moment`);
  }
  return at;
}
