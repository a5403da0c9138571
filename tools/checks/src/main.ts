import { resolve } from 'node:path'
import { conventionProblems } from './conventions.ts'
import { decisionProblems } from './decisions.ts'
import { generationProblems } from './generated.ts'
import { importProblems } from './imports.ts'

const root = resolve(import.meta.dirname, '../../..')
const problems = [
  ...importProblems(root),
  ...conventionProblems(root),
  ...decisionProblems(root),
  ...(await generationProblems(root)),
]
for (const problem of problems) console.error(problem)
console.log(problems.length === 0 ? 'repository checks: all hold' : `repository checks: ${problems.length} problems`)
if (problems.length > 0) process.exitCode = 1
