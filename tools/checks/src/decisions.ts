import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Where the numbers of the decisions are not theirs alone, or not those of their titles. */
export function decisionProblems(root: string): string[] {
  const folder = join(root, 'docs/decisions')
  return numberProblems(readdirSync(folder).map((file) => ({ file, text: readFileSync(join(folder, file), 'utf8') })))
}

/** The same for pages that are given. */
export function numberProblems(pages: readonly { readonly file: string; readonly text: string }[]): string[] {
  const numbers = pages.map(({ file }) => file.slice(0, 4))
  return pages.flatMap(({ file, text }, index) => {
    const number = file.slice(0, 4)
    const problems: string[] = []
    if (numbers.indexOf(number) !== index) problems.push(`docs/decisions/${file}: the number is taken`)
    if (!text.startsWith(`# ${number}: `))
      problems.push(`docs/decisions/${file}: the title does not begin with its number`)
    return problems
  })
}
