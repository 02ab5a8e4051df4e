// Signatures: the proof inside a credential by @digitalbazaar/vc, and a JWT by the browser's own P-256.
import * as vc from '@digitalbazaar/vc';
import {DataIntegrityProof} from '@digitalbazaar/data-integrity';
import {cryptosuite} from '@digitalbazaar/eddsa-rdfc-2022-cryptosuite';
import {asText, base58, base64url, checkForm, moment, Refused, strictJson} from './documents.mjs';
import {keysOf} from './issuers.mjs';
import {checkMembers, CONTEXTS} from './members.mjs';

const PROOF = ['created', 'cryptosuite', 'proofPurpose', 'proofValue', 'type', 'verificationMethod'];
const CLAIMS = ['iss', 'jti', 'sub', 'nbf', 'exp'];

export function looksLikeJwt(text) {
  return !text.trimStart().startsWith('{') && text.trim().split('.').length === 3;
}

// Returns {text, document, method} of a credential; its form is checked, its signature is not.
export async function read(text, contexts) {
  if(!looksLikeJwt(text)) {
    const document = strictJson(text);
    if(typeof document !== 'object' || Array.isArray(document) || document === null) {
      throw new Refused('it is no credential');
    }
    const {proof, ...bare} = document;
    checkForm(bare, contexts);
    await checkMembers(bare);
    return {text, document, method: proof?.verificationMethod};
  }
  const [head, body] = text.trim().split('.');
  const header = strictJson(asText(base64url(head)));
  const payload = strictJson(asText(base64url(body)));
  if(header.alg !== 'ES256' || header.typ !== 'JWT' || Object.keys(header).sort().join() !== 'alg,kid,typ') {
    throw new Refused('its header is not that of a credential signed with ES256');
  }
  const document = Object.fromEntries(Object.entries(payload).filter(([name]) => !CLAIMS.includes(name)));
  checkForm(document, contexts);
  await checkMembers(document);
  checkClaims(payload, document);
  return {text, document, method: header.kid};
}

function checkClaims(payload, document) {
  const seconds = text => text === undefined ? undefined : Math.floor(moment(text).getTime() / 1000);
  const expected = {
    iss: document.issuer?.id ?? document.issuer,
    jti: document.id,
    sub: document.credentialSubject?.id,
    nbf: seconds(document.validFrom),
    exp: seconds(document.validUntil)
  };
  if(CLAIMS.some(name => payload[name] !== expected[name])) {
    throw new Refused('its claims contradict the credential in it');
  }
}

// Throws unless a key that the issuer publishes signed exactly the credential that was read.
export async function checkSignature({text, document, method}, issuer, now) {
  const multikey = (await keysOf(issuer)).get(method);
  if(!multikey) {
    throw new Refused('the key it names is none that the issuer publishes');
  }
  const key = {type: 'Multikey', id: method, controller: issuer.id, publicKeyMultibase: multikey};
  await (looksLikeJwt(text) ? checkJwt(text.trim(), key) : checkProof(document, issuer, key, now));
}

async function checkProof(document, issuer, key, now) {
  const {proof} = document;
  if(typeof proof !== 'object' || Array.isArray(proof) || proof === null) {
    throw new Refused('it carries no proof, or more than one');
  }
  if(Object.keys(proof).sort().join() !== PROOF.join() || proof.cryptosuite !== 'eddsa-rdfc-2022') {
    throw new Refused('its proof is of another kind than eddsa-rdfc-2022');
  }
  const documentLoader = async url => {
    // The controller's document decides which of its keys may sign credentials.
    const known = url === key.id ? {'@context': 'https://w3id.org/security/multikey/v1', ...key} :
      url === issuer.id ? issuer : CONTEXTS.get(url);
    if(!known) {
      throw new Refused(`it names an address that is not at hand: ${url}`);
    }
    return {contextUrl: null, documentUrl: url, document: known};
  };
  const result = await vc.verifyCredential({
    credential: document,
    suite: new DataIntegrityProof({cryptosuite}),
    documentLoader,
    now,
    // Status is a question of its own, asked elsewhere.
    checkStatus: async () => ({verified: true})
  });
  if(!result.verified) {
    throw new Refused(words(result));
  }
}

function words(result) {
  const errors = [result.error, ...(result.results ?? []).map(each => each.error)].filter(Boolean);
  const all = errors.flatMap(each => [each, ...(each.errors ?? [])]);
  const own = all.find(each => each instanceof Refused);
  if(own) {
    return own.message;
  }
  if(all.some(each => /maximum deep iterations/i.test(each.message))) {
    return 'too many objects in it look alike: expected an id in each';
  }
  return 'it was changed after it was signed, or somebody else signed it';
}

async function checkJwt(token, key) {
  const content = base58(key.publicKeyMultibase.slice(1));
  if(content[0] !== 0x80 || content[1] !== 0x24 || content.length !== 35) {
    throw new Refused('the key it names is not one of P-256');
  }
  const [head, body, signature] = token.split('.');
  const algorithm = {name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256'};
  const imported = await crypto.subtle.importKey('raw', point(content.slice(2)), algorithm, false, ['verify']);
  const signed = new TextEncoder().encode(`${head}.${body}`);
  if(!await crypto.subtle.verify(algorithm, imported, base64url(signature), signed)) {
    throw new Refused('it was changed after it was signed, or somebody else signed it');
  }
}

// Browsers do not all read a compressed point, so its second half is computed.
function point(compressed) {
  const p = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n;
  const b = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn;
  const x = BigInt('0x' + [...compressed.slice(1)].map(each => each.toString(16).padStart(2, '0')).join(''));
  let y = power(((x * x % p + p - 3n) * x + b) % p, (p + 1n) / 4n, p);
  if((y & 1n) !== BigInt(compressed[0] & 1)) {
    y = p - y;
  }
  const bytes = number => number.toString(16).padStart(64, '0').match(/../g).map(each => parseInt(each, 16));
  return Uint8Array.from([4, ...bytes(x), ...bytes(y)]);
}

function power(base, exponent, modulus) {
  let result = 1n;
  for(let square = base % modulus; exponent > 0n; exponent >>= 1n, square = square * square % modulus) {
    if(exponent & 1n) {
      result = result * square % modulus;
    }
  }
  return result;
}
