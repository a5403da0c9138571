import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { limits } from '@qcore/model'
import { describe, expect, it } from 'vitest'

const page = readFileSync(resolve(import.meta.dirname, '../../../docs/limits.md'), 'utf8')

describe('docs/limits.md', () => {
  it.each(Object.entries(limits))('states the limit %s', (name, value) => {
    const row = page.split('\n').find((line) => line.includes(`\`${name}\``))
    expect(row).toContain(value.toLocaleString('en-US'))
  })
})
