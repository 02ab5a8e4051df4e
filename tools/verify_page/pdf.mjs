// The badge in a certificate as PDF: the one file attached to it (ISO 32000-1, 7.5 and 7.11).
//
// Reads what the typesetter writes and nothing more: one table of objects, each object where the table says, one
// attached file.  No byte is read twice, 256 KiB of objects at most, and no more is unpacked than a badge may have.
import {Refused} from './documents.mjs';

const MOST_OBJECTS = 5000;
const MOST_READ = 256 * 1024;
const DEEPEST = 20;
const SAVE = 'open it in a PDF reader, save the attached badge.json, and verify that';
const STREAM_NAMES = ['Type', 'Subtype', 'Params', 'Length', 'Filter'];
const STRING = Symbol('a string, or something else that no badge needs');

// Returns the bytes of the file attached to a PDF, given as bytes and as letters, one for each byte.
export async function badgeInPdf(bytes, letters, inflate) {
  const objects = readObjects(letters);
  const files = objects.filter(each => typeOf(each.value) === 'Filespec');
  const streams = objects.filter(each => typeOf(each.value) === 'EmbeddedFile');
  if(!files.length && !streams.length) {
    throw new Refused('this PDF holds no badge: expected badge.json attached to it, as in certificate.pdf as it was ' +
      'issued. Printing it anew loses the badge');
  }
  if(files.length !== 1 || streams.length !== 1) {
    throw new Refused(`this PDF holds ${Math.max(files.length, streams.length)} attached files: expected one badge`);
  }
  const named = files[0].value.get('EF');
  const wanted = named instanceof Map ? [...named.values()] : [];
  if(!wanted.length || wanted.some(each => each.number !== streams[0].number || each.generation !== 0)) {
    throw new Refused('what this PDF calls its attached file is not the one in it');
  }
  return unpacked(bytes, letters, streams[0], inflate);
}

// The objects of the table that are dictionaries: {number, value, at, stop}, "at" being the place behind the value.
function readObjects(letters) {
  const end = /startxref\s+(\d{1,10})\s+%%EOF\s*$/.exec(letters.slice(-100));
  const place = end ? Number(end[1]) : 0;
  const table = end && match(/xref\s+0 (\d{1,5})\s*\n/y, letters, place);
  if(!table || Number(table[1]) > MOST_OBJECTS) {
    throw new Refused(`this PDF was cut off, or saved by a program other than the one that made it: ${SAVE}`);
  }
  const starts = new Map();
  let at = place + table[0].length;
  for(let number = 0; number < Number(table[1]); number++) {
    const entry = match(/(\d{10}) (\d{5}) ([nf])(?:\r\n| \n| \r)/y, letters, at);
    if(!entry) {
      throw damaged('its table of objects has a broken line');
    }
    at += entry[0].length;
    if(entry[3] === 'n') {
      starts.set(Number(entry[1]), number);
    }
  }
  checkTrailer(letters.slice(at, letters.length - (letters.slice(-100).length - end.index)));
  // Each object ends before the next begins, so none is read twice, whatever the table says.
  const places = [...starts.keys()].sort((one, other) => one - other);
  let left = MOST_READ;
  return places.map((start, index) => {
    const stop = places[index + 1] ?? place;
    const found = readObject(letters.slice(start, Math.min(stop, start + left)), starts.get(start));
    left -= found.size;
    return {...found, at: start + found.size, stop};
  }).filter(each => each.value instanceof Map);
}

function readObject(chunk, number) {
  const head = new RegExp(`^${number} 0 obj\\b`).exec(chunk);
  if(!head) {
    throw damaged(`object ${number} is not where its table says`);
  }
  const reader = new Reader(chunk, head[0].length);
  const value = reader.read(0);
  return {number, value, size: reader.at};
}

function checkTrailer(text) {
  if(!text.startsWith('trailer')) {
    throw damaged('no trailer follows its table of objects');
  }
  const trailer = new Reader(text, 'trailer'.length).read(0);
  if(!(trailer instanceof Map)) {
    throw damaged('its trailer is none');
  }
  if(trailer.has('Encrypt')) {
    throw new Refused(`this PDF is encrypted: ${SAVE}`);
  }
  if(trailer.has('Prev') || trailer.has('XRefStm')) {
    throw new Refused(`something was added to this PDF after it was made: ${SAVE}`);
  }
}

function unpacked(bytes, letters, {value, at, stop}, inflate) {
  const rest = letters.slice(at, stop);
  const head = /^\s*stream\r?\n/.exec(rest);
  const length = value.get('Length');
  if(!head || typeof length !== 'number' || [...value.keys()].some(name => !STREAM_NAMES.includes(name))) {
    throw damaged('its attached file is not written as a stream');
  }
  if(!/^\s*endstream\b/.test(rest.slice(head[0].length + length))) {
    throw damaged('its attached file is longer or shorter than it says');
  }
  const start = at + head[0].length;
  const packed = bytes.subarray(start, start + length);
  if(!value.has('Filter')) {
    return packed;
  }
  if(value.get('Filter') !== '/FlateDecode') {
    throw new Refused(`its attached file is packed in a way that is not read here: ${SAVE}`);
  }
  return inflate(packed);
}

// Objects as far as a dictionary needs them: names, whole numbers, references; strings are passed over.
class Reader {
  constructor(text, at) {
    this.text = text;
    this.at = at;
  }

  take(form) {
    const found = match(form, this.text, this.at);
    this.at += found ? found[0].length : 0;
    return found;
  }

  read(depth) {
    if(depth > DEEPEST) {
      throw new Refused(`this PDF nests more than ${DEEPEST} objects in one another`);
    }
    this.skip();
    let found;
    if(this.take(/<</y)) {
      return this.dictionary(depth);
    }
    if(this.take(/\[/y)) {
      return this.array(depth);
    }
    if(this.text[this.at] === '(') {
      return this.string();
    }
    if(this.take(/<[0-9A-Fa-f\0\t\n\f\r ]*>/y)) {
      return STRING;
    }
    if((found = this.name()) !== null) {
      return `/${found}`;
    }
    if((found = this.take(/(\d{1,10}) (\d{1,5}) R(?![A-Za-z0-9])/y))) {
      return {number: Number(found[1]), generation: Number(found[2])};
    }
    if((found = this.take(/[^\0\t\n\f\r ()<>[\]{}/%]+/y))) {
      return /^\d{1,10}$/.test(found[0]) ? Number(found[0]) : STRING;
    }
    throw damaged('an object is not written as one');
  }

  dictionary(depth) {
    const found = new Map();
    for(this.skip(); !this.take(/>>/y); this.skip()) {
      const name = this.name();
      if(name === null || found.has(name)) {
        throw damaged('a dictionary has a name twice, or none');
      }
      found.set(name, this.read(depth + 1));
    }
    return found;
  }

  array(depth) {
    const found = [];
    for(this.skip(); !this.take(/\]/y); this.skip()) {
      found.push(this.read(depth + 1));
    }
    return found;
  }

  string() {
    const sign = /[()\\]/g;
    sign.lastIndex = this.at;
    for(let open = 0, found; (found = sign.exec(this.text));) {
      open += {'(': 1, ')': -1}[found[0]] ?? 0;
      sign.lastIndex += found[0] === '\\' ? 1 : 0;
      if(open === 0) {
        this.at = sign.lastIndex;
        return STRING;
      }
    }
    throw damaged('a text in it has no end');
  }

  // A name may be written with #xx for any letter; read so, it cannot hide.
  name() {
    const found = this.take(/\/([^\0\t\n\f\r ()<>[\]{}/%]*)/y);
    return found && found[1].replace(/#([0-9A-Fa-f]{2})/g, (_, code) => String.fromCharCode(parseInt(code, 16)));
  }

  skip() {
    while(this.take(/[\0\t\n\f\r ]+|%[^\r\n]*/y)) {
      // Space and comments.
    }
  }
}

function match(form, text, at) {
  form.lastIndex = at;
  return form.exec(text);
}

function typeOf(value) {
  const type = value.get('Type');
  return typeof type === 'string' ? type.slice(1) : '';
}

function damaged(how) {
  return new Refused(`this PDF was damaged or changed: ${how}`);
}
