import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'

const root = resolve(import.meta.dirname, '../../..')
const pages = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.md'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\n')
  .filter((page) => page !== '')

describe('the documentation', () => {
  it.each(pages)('has no link in %s that leads nowhere', (page) => {
    const text = readFileSync(resolve(root, page), 'utf8')
    const targets = [...text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)].map((match) => match[1] ?? '')
    const broken = targets.filter(
      (target) => !/^https?:/.test(target) && !existsSync(resolve(root, dirname(page), target)),
    )
    expect(broken).toEqual([])
  })
})
