// Bundle the page's script: node build.mjs OUT_FOLDER (packages beside this file, or in the working directory).
import {build} from 'esbuild';
import {existsSync, readdirSync, readFileSync, writeFileSync} from 'node:fs';
import {dirname, join, resolve} from 'node:path';
import {fileURLToPath} from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const out = resolve(process.argv[2] ?? join(here, '..', '..', 'labkit', 'credentials', 'page'));

const result = await build({
  entryPoints: [join(here, 'main.mjs')],
  bundle: true,
  minify: true,
  format: 'iife',
  target: 'es2022',
  platform: 'browser',
  charset: 'ascii',
  legalComments: 'none',
  alias: {'@digitalbazaar/http-client': join(here, 'no_network.mjs')},
  // The addresses of context files in their packages; nothing opens them.
  define: {'import.meta.url': '"https://packages.invalid/"', global: 'globalThis', 'process.env.NODE_ENV': '"production"'},
  outfile: join(out, 'verify.js'),
  metafile: true
});

// What is bundled, with the text of each licence.
const packages = new Map();
for(const input of Object.keys(result.metafile.inputs)) {
  const found = /^(.*node_modules\/((?:@[^/]+\/)?[^/]+))\//.exec(input);
  if(found) {
    packages.set(found[2], resolve(found[1]));
  }
}
const parts = ['verify.js holds these packages, each under its own licence.', ''];
for(const name of [...packages.keys()].sort()) {
  const folder = packages.get(name);
  const about = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const file = readdirSync(folder).find(each => /^licen[cs]e/i.test(each));
  parts.push('-'.repeat(100), `${name} ${about.version} (${about.license ?? 'see below'})`, '');
  parts.push(file && existsSync(join(folder, file)) ? readFileSync(join(folder, file), 'utf8').trim() :
    'The package names this licence and brings no text of its own.', '');
}
writeFileSync(join(out, 'LICENSES.txt'), parts.map(each => each.replace(/[ \t\r]+$/gm, '')).join('\n').trim() + '\n');
