// npm run example -- NAME
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'

const names = readdirSync(import.meta.dirname, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name)
const [name = '', ...rest] = process.argv.slice(2)
if (names.includes(name)) {
  const { status } = spawnSync(process.execPath, [join(import.meta.dirname, name, 'src/main.ts'), ...rest], {
    stdio: 'inherit',
  })
  process.exitCode = status ?? 1
} else {
  console.error(`npm run example -- NAME, where NAME is one of: ${names.join(', ')}`)
  process.exitCode = 2
}
