import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { format } from 'prettier'
import { contractsIndex } from './contracts-index.ts'
import { configurationPage } from './configuration-page.ts'
import { errorsPage } from './errors-page.ts'

const generatedCode = 'libs/contracts/src/gen'

/** The files that are made from other files, with the text they should have. */
async function generatedFiles(root: string): Promise<Map<string, string>> {
  const index = contractsIndex(join(root, 'libs/contracts/src'))
  return new Map([
    [
      'libs/contracts/src/index.ts',
      await format(index, { parser: 'typescript', semi: false, singleQuote: true, printWidth: 120 }),
    ],
    ['docs/errors.md', errorsPage()],
    ['docs/configuration.md', configurationPage()],
  ])
}

/** Generates everything anew, in place. */
export async function generateAll(root: string): Promise<void> {
  buf(root, ['generate'])
  for (const [file, text] of await generatedFiles(root)) writeFileSync(join(root, file), text)
}

/** The generated files that differ from a fresh generation, and what buf has to say of the protos. */
export async function generationProblems(root: string): Promise<string[]> {
  const problems = [
    ...bufProblems(root, ['lint']),
    ...bufProblems(root, ['format', '--diff', '--exit-code']),
    ...bufProblems(root, ['breaking', '--against', `.git#${presentContract(root)},subdir=proto`]),
  ]
  for (const [file, text] of await generatedFiles(root)) {
    if (readText(join(root, file)) !== text) problems.push(`${file}: differs from a fresh generation; npm run generate`)
  }
  const folder = mkdtempSync(join(tmpdir(), 'qcore-generated-'))
  try {
    buf(root, ['generate', '--output', folder])
    problems.push(...differences(join(root, generatedCode), join(folder, generatedCode)))
  } finally {
    rmSync(folder, { recursive: true })
  }
  return problems
}

function differences(present: string, fresh: string): string[] {
  const list = (folder: string): string[] =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'))
  const files = new Set([...list(present), ...list(fresh)])
  return [...files]
    .filter((file) => readText(join(present, file)) !== readText(join(fresh, file)))
    .map((file) => `${generatedCode}/${file}: differs from a fresh generation; npm run generate`)
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

/** What callers rely on: the protos of the main branch or, in a clone that does not have it, of the last commit. */
function presentContract(root: string): string {
  const { status } = spawnSync('git', ['rev-parse', '--quiet', '--verify', 'refs/heads/main'], { cwd: root })
  return status === 0 ? 'branch=main' : 'ref=HEAD'
}

function buf(root: string, args: string[]): void {
  execFileSync(join(root, 'node_modules/.bin/buf'), args, {
    cwd: root,
    env: {
      ...process.env,
      BUF_CACHE_DIR: join(root, '.buf-cache'),
      PATH: `${join(root, 'node_modules/.bin')}:${process.env['PATH'] ?? ''}`,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

function bufProblems(root: string, args: string[]): string[] {
  try {
    buf(root, args)
    return []
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: Buffer; stderr?: Buffer }
    return [`buf ${args[0]}: ${stdout?.toString() ?? ''}${stderr?.toString() ?? ''}`.trim()]
  }
}
