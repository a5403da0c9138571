import { existsSync, readFileSync, statSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { LocalStackError } from './local-stack-error.ts'
import { isAtLeast } from './program-version.ts'
import { runCommand } from './run-command.ts'

/** A program to take out of the distribution's packages. */
export interface PackagedProgram {
  /** The name under which it is kept, for example `nats-server`. */
  readonly name: string
  /** The package that has the program comes first; the others are libraries that it needs beside it. */
  readonly packages: readonly string[]
  /** The program inside the first package, for example `usr/sbin/nats-server`. */
  readonly program: string
  readonly leastVersion: string
  /** Suites of Debian to try before those that the machine is set up for. */
  readonly suites: readonly string[]
  /** The program's version, if it runs on this machine with these libraries. */
  check(program: string, libraryFolders: readonly string[]): Promise<string | undefined>
}

export interface UnpackedProgram {
  readonly program: string
  readonly libraryFolders: readonly string[]
  readonly version: string
  /** For people: the suite and the version of the package. */
  readonly origin: string
}

const updateTimeoutMs = 60_000
const downloadTimeoutMs = 120_000
const unpackTimeoutMs = 30_000
/** Longer than all steps may take together. */
const abandonedTreeAgeMs = 15 * 60_000
const recordFileName = 'unpacked.json'
/** Hooks would change the system; translations, icons and the like only cost time. */
const clearedSettings = [
  'APT::Update',
  'Acquire::Languages',
  'Acquire::IndexTargets::deb::DEP-11',
  'Acquire::IndexTargets::deb::DEP-11-icons-small',
  'Acquire::IndexTargets::deb::DEP-11-icons',
  'Acquire::IndexTargets::deb::DEP-11-icons-hidpi',
  'Acquire::IndexTargets::deb::CNF',
  'Acquire::IndexTargets::deb::Contents-deb',
]
const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg'

/**
 * Downloads a package of the distribution and unpacks it into a folder, without touching the system: apt works in a
 * tree of its own, and checks the archive's signatures as always. What was unpacked once is used again.
 *
 * @returns the program, or in a few words why there is none
 */
export async function unpackProgram(
  wanted: PackagedProgram,
  { cache, signal }: { cache: string; signal?: AbortSignal | undefined },
): Promise<UnpackedProgram | string> {
  const folder = path.join(cache, wanted.name)
  const known = readRecord(folder)
  if (known !== undefined && isAtLeast(known.version, wanted.leastVersion)) return known
  if (!existsSync('/usr/bin/apt-get') || !existsSync('/usr/bin/dpkg-deb')) return 'this machine has no apt'

  await mkdir(cache, { recursive: true })
  await removeAbandonedTrees(cache, wanted.name)
  const tree = await mkdtemp(path.join(cache, `${wanted.name}-`))
  const reasons: string[] = []
  try {
    for (const suite of [...(await debianSuites(tree, wanted.suites)), undefined]) {
      try {
        const unpacked = await unpackFrom(suite, wanted, tree, signal)
        return await keep(unpacked, tree, folder)
      } catch (error) {
        signal?.throwIfAborted()
        reasons.push(`${suite?.name ?? 'configured sources'}: ${(error as Error).message}`)
      }
    }
  } finally {
    await rm(tree, { recursive: true, force: true })
  }
  return `no package ${wanted.packages[0]} of at least ${wanted.leastVersion} (${reasons.join('; ')})`
}

/** A download that was killed leaves its tree behind. */
async function removeAbandonedTrees(cache: string, name: string): Promise<void> {
  for (const entry of await readdir(cache)) {
    const tree = path.join(cache, entry)
    if (!entry.startsWith(`${name}-`) || Date.now() - statSync(tree).mtimeMs < abandonedTreeAgeMs) continue
    await rm(tree, { recursive: true, force: true })
  }
}

interface Suite {
  readonly name: string
  /** One line of a sources list. */
  readonly line: string
}

/** Other suites of the Debian mirror that this machine uses; none if it is not a Debian. */
async function debianSuites(tree: string, names: readonly string[]): Promise<Suite[]> {
  if (!existsSync(keyring) || !/^ID=debian$/m.test(await readFile('/etc/os-release', 'utf8'))) return []
  const apt = await prepareApt(tree, undefined)
  const uris = await runCommand('apt-get', [...apt, 'update', '--print-uris'], { timeoutMs: updateTimeoutMs })
  const mirror = [...uris.matchAll(/^'(\S+)\/dists\/(\w+)\/InRelease'/gm)].find(
    ([, , suite]) => suite !== undefined,
  )?.[1]
  if (mirror === undefined) return []
  return names.map((name) => ({ name, line: `deb [signed-by=${keyring}] ${mirror} ${name} main\n` }))
}

async function unpackFrom(
  suite: Suite | undefined,
  wanted: PackagedProgram,
  tree: string,
  signal: AbortSignal | undefined,
): Promise<UnpackedProgram> {
  const apt = await prepareApt(tree, suite)
  await runCommand('apt-get', [...apt, '-qq', 'update'], { timeoutMs: updateTimeoutMs, signal })
  const packages = path.join(tree, 'packages')
  const files = path.join(tree, 'files')
  await rm(packages, { recursive: true, force: true })
  await rm(files, { recursive: true, force: true })
  await mkdir(packages)
  const download = [...apt, '-qq', 'download', ...wanted.packages]
  await runCommand('apt-get', download, { cwd: packages, timeoutMs: downloadTimeoutMs, signal })
  for (const name of await readdir(packages)) {
    await runCommand('dpkg-deb', ['-x', path.join(packages, name), files], { timeoutMs: unpackTimeoutMs, signal })
  }
  const program = path.join(files, wanted.program)
  const libraryFolders = await findLibraryFolders(files)
  const version = await wanted.check(program, libraryFolders)
  if (version === undefined) throw new LocalStackError('its program does not run on this machine')
  if (!isAtLeast(version, wanted.leastVersion)) throw new LocalStackError(`it has ${version} only`)
  return {
    program,
    libraryFolders,
    version,
    origin: suite === undefined ? 'the configured sources' : `Debian ${suite.name}`,
  }
}

/** Makes an apt that keeps its state in the tree, and that has the machine's proxies but not its hooks. Gives its flags. */
async function prepareApt(tree: string, suite: Suite | undefined): Promise<string[]> {
  const none = path.join(tree, 'none')
  const sources = path.join(tree, 'sources.list')
  const status = path.join(tree, 'status')
  const config = path.join(tree, 'apt.conf')
  for (const name of ['none', 'lists/partial', 'cache/archives/partial']) {
    await mkdir(path.join(tree, name), { recursive: true })
  }
  const settings = {
    ...(suite === undefined ? {} : { 'Dir::Etc::sourcelist': sources, 'Dir::Etc::sourceparts': none }),
    'Dir::State::lists': path.join(tree, 'lists'),
    'Dir::State::status': status,
    'Dir::Cache': path.join(tree, 'cache'),
    'Acquire::Languages': 'none',
    'Acquire::Retries': '1',
    'Acquire::http::Timeout': '10',
    'Acquire::https::Timeout': '10',
  }
  const lines = Object.entries(settings).map(([name, value]) => `${name} "${value}";`)
  await writeFile(status, '')
  await writeFile(sources, suite?.line ?? '')
  await writeFile(config, [...clearedSettings.map((name) => `#clear ${name};`), ...lines, ''].join('\n'))
  return ['-c', config]
}

async function findLibraryFolders(files: string): Promise<string[]> {
  const entries = await readdir(files, { recursive: true, withFileTypes: true })
  return [...new Set(entries.filter((entry) => /\.so(\.|$)/.test(entry.name)).map((entry) => entry.parentPath))]
}

/** Moves the files to their place in one step, so that no other process sees half of them. */
async function keep(unpacked: UnpackedProgram, tree: string, folder: string): Promise<UnpackedProgram> {
  const from = path.join(tree, 'files')
  const to = `${unpacked.version}-${path.basename(tree).slice(-6)}`
  await mkdir(folder, { recursive: true })
  await rename(from, path.join(folder, to))
  // The record names everything relative to its own folder: the checkout may be moved.
  const record = movePaths(unpacked, (file) => path.join(to, path.relative(from, file)))
  await writeFile(path.join(tree, recordFileName), JSON.stringify(record, null, 2))
  await rename(path.join(tree, recordFileName), path.join(folder, recordFileName))
  return movePaths(record, (file) => path.join(folder, file))
}

function readRecord(folder: string): UnpackedProgram | undefined {
  try {
    const record = JSON.parse(readFileSync(path.join(folder, recordFileName), 'utf8')) as UnpackedProgram
    const known = movePaths(record, (file) => path.join(folder, file))
    return existsSync(known.program) ? known : undefined
  } catch {
    return undefined
  }
}

function movePaths(unpacked: UnpackedProgram, move: (file: string) => string): UnpackedProgram {
  const { program, libraryFolders } = unpacked
  return { ...unpacked, program: move(program), libraryFolders: libraryFolders.map(move) }
}
