import { existsSync, readdirSync } from 'node:fs'
import { mkdir, rename, utimes } from 'node:fs/promises'
import path from 'node:path'
import { expect, test } from 'vitest'
import { unpackProgram, type PackagedProgram } from '../src/debian-package.ts'
import { readProgramVersion } from '../src/program-version.ts'
import { makeTemporaryFolder } from './_temporary-folder.ts'

const downloadTimeoutMs = 120_000

const nats: PackagedProgram = {
  name: 'nats-server',
  packages: ['nats-server'],
  program: 'usr/sbin/nats-server',
  leastVersion: '2.9.10',
  suites: [],
  check: (program) => readProgramVersion(program),
}

test(
  'a suite that cannot be had is passed over, and what was unpacked is used again',
  { timeout: downloadTimeoutMs },
  async () => {
    const folder = await makeTemporaryFolder()
    const cache = path.join(folder, 'cache')
    const abandoned = path.join(cache, 'nats-server-killed')
    await mkdir(abandoned, { recursive: true })
    await utimes(abandoned, 0, 0)
    const unpacked = await unpackProgram({ ...nats, suites: ['nosuchsuite'] }, { cache })
    if (!existsSync('/usr/bin/apt-get')) {
      expect(unpacked).toBe('this machine has no apt')
      return
    }
    expect(unpacked).toMatchObject({ origin: 'the configured sources' })
    expect(readdirSync(cache)).toEqual(['nats-server'])

    // A checkout that is moved takes its cache along; a package name that does not exist proves that nothing is fetched.
    const moved = path.join(folder, 'moved')
    await rename(cache, moved)
    const known = await unpackProgram({ ...nats, packages: ['nosuchpackage'] }, { cache: moved })
    if (typeof known === 'string') throw new Error(known)
    expect(await readProgramVersion(known.program)).toBe(known.version)
  },
)

test(
  'a package that is too old or missing is a reason, and leaves nothing behind',
  { timeout: downloadTimeoutMs },
  async () => {
    const cache = path.join(await makeTemporaryFolder(), 'cache')
    const reason = await unpackProgram({ ...nats, packages: ['nosuchpackage'], leastVersion: '99' }, { cache })
    expect(reason).toMatch(
      /^this machine has no apt$|^no package nosuchpackage of at least 99 \(configured sources: E: /,
    )
    expect(existsSync(cache) ? readdirSync(cache) : []).toEqual([])
  },
)
