// Files that carry a badge: the certificate as PDF, SVG or HTML; found by what they hold, not by their names.
//
// A carrier proves nothing.  What its page shows was signed by nobody, and only what is taken out is judged.
import {LONGEST, Refused, unpack} from './documents.mjs';
import {badgeInPdf} from './pdf.mjs';

export const MAX_FILE = 2 * 2 ** 20;

const EXPECTED = 'there is no badge in it: expected badge.json, badge.jwt, or the certificate as PDF, SVG or HTML ' +
  'as it was issued';
const LINK = 'href="data:application/json;base64,';
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==)?$/;
const SVG = 'http://www.w3.org/2000/svg';
const OPEN_BADGES = 'https://purl.imsglobal.org/ob/v3p0';
// What a text begins with, the kind of file, and how its badge is taken out.
const KINDS = [
  [/^(?:<!doctype html\b|<html\b)/i, 'html', badgeInHtml],
  [/^</, 'svg', badgeInSvg],
  [/^/, '', text => text]
];
// JSON, or the three parts of a JWT; so nothing that was taken out is a carrier again.
const BADGE = /^(?:\{|[\w-]+\.[\w-]+\.[\w-]*$)/;

// Returns {text, carrier}: the one badge in the bytes of a file, not verified yet, and what carried it.
export async function badgeIn(bytes) {
  if(bytes.length > MAX_FILE) {
    throw new Refused(`it is larger than ${MAX_FILE / 2 ** 20} MiB, and no file with a badge is`);
  }
  const found = await taken(bytes);
  if(!BADGE.test(found.text)) {
    throw new Refused(EXPECTED);
  }
  return found;
}

async function taken(bytes) {
  if(asLetters(bytes.subarray(0, 5)) === '%PDF-') {
    return {text: asText(await badgeInPdf(bytes, asLetters(bytes), inflate)), carrier: 'pdf'};
  }
  const text = asText(bytes);
  const [, carrier, take] = KINDS.find(([beginning]) => beginning.test(text));
  return {text: take(text).trim(), carrier};
}

// One letter for each byte, so that places stay places.
function asLetters(bytes) {
  return new TextDecoder('windows-1252').decode(bytes);
}

function asText(bytes) {
  try {
    return new TextDecoder('utf-8', {fatal: true}).decode(bytes).trim();
  } catch(error) {
    throw new Refused(EXPECTED);
  }
}

function inflate(packed) {
  return unpack(packed, 'deflate', LONGEST, 'its attached file');
}

// The page is not parsed: no letter of base64 means anything to HTML, so the address reads the same to everybody.
// One in a comment counts as well; one in a name does not, since no quotation mark in a text stays one.
function badgeInHtml(text) {
  const found = text.split(LINK).slice(1);
  if(found.length !== 1) {
    throw new Refused(`the page holds ${found.length} badges: expected one, in the link to badge.json that ` +
      'certificate.html has as it was issued');
  }
  const [digits] = /^[A-Za-z0-9+/=]*/.exec(found[0]);
  try {
    if(!BASE64.test(digits)) {
      throw new Refused('it is not base64');
    }
    const binary = atob(digits);
    return new TextDecoder('utf-8', {fatal: true}).decode(Uint8Array.from(binary, letter => letter.charCodeAt(0)));
  } catch(error) {
    throw new Refused('the badge in the page was damaged: it is not base64 of a text');
  }
}

function badgeInSvg(text) {
  // Entities grow without end, and are only declared in a document type: neither is read at all.
  if(/<!(?:doctype|entity)/i.test(text)) {
    throw new Refused('the picture declares a document type or an entity, which no badge needs: not read');
  }
  const picture = new DOMParser().parseFromString(text, 'image/svg+xml');
  const root = picture.documentElement;
  if(picture.getElementsByTagNameNS('*', 'parsererror').length || root.namespaceURI !== SVG || root.localName !== 'svg') {
    throw new Refused('it is no picture in SVG');
  }
  const found = picture.getElementsByTagNameNS(OPEN_BADGES, 'credential');
  if(found.length !== 1) {
    throw new Refused(`the picture holds ${found.length} badges: expected one, in an element credential of Open Badges 3.0`);
  }
  if(found[0].childElementCount) {
    throw new Refused('the badge in the picture holds elements: expected text');
  }
  const body = found[0].textContent.trim();
  const token = (found[0].getAttribute('verify') ?? '').trim();
  if(Boolean(body) === Boolean(token)) {
    throw new Refused('the badge in the picture is to be either JSON in its element or a JWT in verify');
  }
  return body || token;
}
