// Issuers: which keys a document gives to whom it is about.
import * as Ed25519Multikey from '@digitalbazaar/ed25519-multikey';
import {base58, base64url, Refused} from './documents.mjs';

const HOST = '[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?';
const KINDS = {
  'did:web': new RegExp(`^did:web:${HOST}(?:%3A\\d{1,5})?(?::[A-Za-z0-9._-]+)*$`),
  https: new RegExp(`^https://${HOST}(?::\\d{1,5})?(?:/[A-Za-z0-9._~-]+)+$`),
  'did:key': /^did:key:z6Mk[1-9A-HJ-NP-Za-km-z]{44}$/
};

// Returns did:web, https or did:key.
export function kindOfId(id) {
  const found = Object.keys(KINDS).find(kind => typeof id === 'string' && KINDS[kind].test(id));
  if(!found) {
    throw new Refused('the id of its issuer is neither did:web, nor https, nor did:key');
  }
  return found;
}

// Returns the public keys that an issuer's document gives to this issuer: addresses to multikeys.
export async function keysOf(issuer) {
  const {id, assertionMethod = [], verificationMethod = []} = issuer;
  const own = verificationMethod.filter(each =>
    each.controller === id && assertionMethod.includes(each.id) && each.id.startsWith(`${id}#`));
  const methods = new Map(own.map(each => [each.id, each.publicKeyMultibase]));
  if(kindOfId(id) === 'did:key') {
    await checkPractice(issuer, id.slice('did:key:'.length), [...methods.values()]);
  }
  return methods;
}

// Anybody can write such a document about anybody's did:key: only the key that it spells is theirs, and
// those that it signed for.
async function checkPractice(issuer, own, keys) {
  const signing = new Set(keys.filter(isEd25519));
  if(signing.size !== 1 || !signing.has(own)) {
    throw new Refused('the key of a did:key must be the one that its id spells, and no other signs');
  }
  if(keys.some(each => each !== own) && !await isEndorsed(issuer, own)) {
    throw new Refused('the key of a did:key did not sign for the other keys in its document');
  }
}

function isEd25519(multikey) {
  const content = base58(multikey.slice(1));
  return multikey[0] === 'z' && content[0] === 0xed && content[1] === 0x01 && content.length === 34;
}

async function isEndorsed({endorsement, ...document}, own) {
  const key = await Ed25519Multikey.from({
    '@context': 'https://w3id.org/security/multikey/v1', type: 'Multikey', id: `${document.id}#${own}`,
    controller: document.id, publicKeyMultibase: own
  });
  const data = new TextEncoder().encode(`labkit issuer v1\0${canonicalJson(document)}`);
  return key.verifier().verify({data, signature: base64url(String(endorsement ?? ''))});
}

// The one form of RFC 8785: its numbers and texts are those of JavaScript, and so is its order of names.
function canonicalJson(value) {
  if(Array.isArray(value)) {
    return `[${value.map(canonicalJson).join()}]`;
  }
  if(value === null || typeof value !== 'object') {
    return JSON.stringify(value);
  }
  return `{${Object.keys(value).sort().map(name => `${JSON.stringify(name)}:${canonicalJson(value[name])}`).join()}}`;
}
