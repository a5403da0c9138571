import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'

const script = resolve(import.meta.dirname, '../../complete-lock.mjs')

function complete(packages: object): Record<string, unknown> {
  const file = join(mkdtempSync(join(tmpdir(), 'qcore-lock-')), 'package-lock.json')
  writeFileSync(file, JSON.stringify({ lockfileVersion: 3, packages }))
  execFileSync(process.execPath, [script, file])
  const once = readFileSync(file, 'utf8')
  execFileSync(process.execPath, [script, file])
  expect(readFileSync(file, 'utf8')).toBe(once)
  return (JSON.parse(once) as { packages: Record<string, unknown> }).packages
}

describe('complete-lock', () => {
  it('adds what a registry did not have, with its platform, and keeps what is there', () => {
    const present = { version: '1.0.0', integrity: 'sha512-x' }
    const packages = complete({
      'node_modules/tool': {
        version: '1.0.0',
        dev: true,
        optionalDependencies: {
          'tool-linux-x64': '1.0.0',
          'tool-darwin-arm64': '1.0.0',
          '@tool/linux-arm64-musl': '^1.0.0',
        },
      },
      'node_modules/tool-linux-x64': present,
    })
    expect(packages['node_modules/tool-linux-x64']).toEqual(present)
    expect(packages['node_modules/tool-darwin-arm64']).toEqual({
      version: '1.0.0',
      dev: true,
      os: ['darwin'],
      cpu: ['arm64'],
      optional: true,
    })
    expect(packages['node_modules/@tool/linux-arm64-musl']).toEqual({
      version: '1.0.0',
      dev: true,
      os: ['linux'],
      cpu: ['arm64'],
      libc: ['musl'],
      optional: true,
    })
  })

  it('finds a package that is nested with its dependent', () => {
    const packages = complete({
      'node_modules/a': { version: '1.0.0', optionalDependencies: { b: '1.0.0' } },
      'node_modules/a/node_modules/b': { version: '1.0.0' },
    })
    expect(Object.keys(packages)).toEqual(['node_modules/a', 'node_modules/a/node_modules/b'])
  })
})
