import { readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { readProjects, sourceFiles } from './projects.ts'

const vagueNames = /(^|\/)(utils?|helpers?|common|shared|misc|types|interfaces)(\.ts|\/)/
/** Where the environment may be read: everything else gets its settings passed. */
const environmentReaders =
  /^(libs\/service\/src\/env\.ts|apps\/[^/]+\/src\/(main|config)\.ts|tools\/|examples\/)|\/(test|bench)\//
const mostLines = 400
const mostTestLines = 600

/** Where a workspace breaks the conventions of CONTRIBUTING.md that a program can see. */
export function conventionProblems(root: string): string[] {
  return readProjects(root)
    .flatMap((project) => sourceFiles(root, project))
    .flatMap((file) => {
      const text = readFileSync(join(root, file), 'utf8')
      return fileProblems(file, text)
    })
}

/** The same for one file. */
export function fileProblems(file: string, text: string): string[] {
  const problems: string[] = []
  const most = file.includes('test') ? mostTestLines : mostLines
  const lines = text.split('\n').length
  if (lines > most) problems.push(`${file}: ${lines} lines, more than ${most}; split it by concept`)
  if (vagueNames.test(file)) problems.push(`${file}: the name tells no concept`)
  if (basename(file) === 'index.ts' && !/\/(src|handlers|commands)\/index\.ts$/.test(file)) {
    problems.push(`${file}: an index below src/`)
  }
  if (/^export \* /m.test(text)) problems.push(`${file}: export *`)
  if (/process\.env\b/.test(text) && !environmentReaders.test(file)) problems.push(`${file}: reads process.env`)
  if (/\b(it|test|describe)\.(only|skip|todo)\b/.test(text) && file.endsWith('.test.ts')) {
    problems.push(`${file}: a test is skipped or exclusive`)
  }
  return problems
}
