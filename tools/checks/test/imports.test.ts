import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { importProblems, importedSpecifiers } from '../src/imports.ts'

let root: string

function write(file: string, text: string): void {
  mkdirSync(dirname(join(root, file)), { recursive: true })
  writeFileSync(join(root, file), text)
}

function addProject(folder: string, layer: string, dependencies: string[] = []): void {
  const name = `@qcore/${folder.split('/').at(-1)}`
  const versions = Object.fromEntries(dependencies.map((dependency) => [dependency, '0.1.0']))
  write(`${folder}/package.json`, JSON.stringify({ name, dependencies: versions, nx: { tags: [`layer:${layer}`] } }))
}

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'qcore-imports-'))
  for (const group of ['apps', 'examples', 'libs', 'tools']) mkdirSync(join(root, group))
  addProject('libs/base', 'base')
})

/** Put together so that this file has no such import itself. */
const dynamicImport = ['im', 'port'].join('')

describe('importedSpecifiers', () => {
  it('finds imports, exports from, side effects and dynamic imports', () => {
    const text = `import a from 'a'\nimport { b,\n  c } from "b"\nexport { d } from 'd'\nimport 'e'\nconst f = await ${dynamicImport}('f')\nimport type { G } from 'g'`
    expect(importedSpecifiers(text)).toEqual(['a', 'b', 'd', 'e', 'f', 'g'])
  })
})

describe('importProblems', () => {
  it('finds nothing wrong with a declared import of a lower layer', () => {
    addProject('apps/web', 'app', ['@qcore/base', 'pg'])
    write(
      'apps/web/src/main.ts',
      `import { base } from '@qcore/base'\nimport pg from 'pg'\nimport { join } from 'node:path'`,
    )
    expect(importProblems(root)).toEqual([])
  })

  it('names an import that package.json does not declare', () => {
    addProject('apps/web', 'app')
    write('apps/web/src/main.ts', `import { base } from '@qcore/base'`)
    expect(importProblems(root)).toEqual(['apps/web/src/main.ts: @qcore/base is not declared in apps/web/package.json'])
  })

  it('refuses a dependency on a higher layer, and between apps', () => {
    addProject('apps/web', 'app')
    addProject('apps/other', 'app', ['@qcore/web'])
    addProject('libs/low', 'base', ['@qcore/web'])
    expect(importProblems(root)).toEqual([
      'apps/other/package.json: app may not depend on @qcore/web (app)',
      'libs/low/package.json: base may not depend on @qcore/web (app)',
    ])
  })

  it('refuses a path into another project, and a built-in module without node:', () => {
    addProject('apps/web', 'app')
    write('apps/web/src/main.ts', `import { x } from '../../../libs/base/src/x.ts'\nimport fs from 'fs'`)
    expect(importProblems(root)).toEqual([
      'apps/web/src/main.ts: ../../../libs/base/src/x.ts leaves the project',
      'apps/web/src/main.ts: write node:fs',
    ])
  })

  it('lets tests use the test runner, and nothing else', () => {
    addProject('apps/web', 'app')
    write('apps/web/test/web.test.ts', `import { it } from 'vitest'`)
    write('apps/web/src/web.ts', `import { it } from 'vitest'`)
    expect(importProblems(root)).toEqual(['apps/web/src/web.ts: vitest is not declared in apps/web/package.json'])
  })

  it('names a project without a known layer', () => {
    addProject('libs/odd', 'nowhere')
    expect(importProblems(root)).toEqual(['libs/odd/package.json: the tag layer:nowhere names no layer'])
  })
})
