import { readdirSync } from 'node:fs'
import { defineConfig } from 'vitest/config'

const projects = ['apps', 'libs', 'tools', 'examples'].flatMap((folder) =>
  readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => ({ folder: `${folder}/${entry.name}`, name: projectName(folder, entry.name) })),
)

function projectName(folder: string, name: string): string {
  if (folder === 'examples') return `example-${name}`
  return name === 'qcore' ? 'launcher' : name
}

export default defineConfig({
  test: {
    globalSetup: './tools/local-stack/src/vitest-servers.ts',
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 30_000,
    projects: projects.map(({ folder, name }) => ({
      extends: true,
      test: { name, root: folder, include: ['src/**/*.test.ts', 'test/**/*.test.ts'] },
    })),
  },
})
