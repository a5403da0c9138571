export { conventionProblems } from './conventions.ts'
export { generationProblems } from './generated.ts'
export { importProblems } from './imports.ts'
