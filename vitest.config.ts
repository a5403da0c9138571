import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { defineConfig } from 'vitest/config'

const root = import.meta.dirname
const projects = ['apps', 'libs', 'tools', 'examples'].flatMap((folder) =>
  readdirSync(join(root, folder), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => ({ folder: `${folder}/${entry.name}`, name: projectName(folder, entry.name) })),
)

function projectName(folder: string, name: string): string {
  if (folder === 'examples') return `example-${name}`
  return name === 'qcore' ? 'launcher' : name
}

export default defineConfig({
  test: {
    globalSetup: join(root, 'tools/local-stack/src/vitest-servers.ts'),
    setupFiles: join(root, 'tools/local-stack/src/vitest-patience.ts'),
    pool: 'forks',
    // Tests mostly wait for servers: with one worker for each of two cores a third of these is idle.
    maxWorkers: 3,
    // Files share a process and its loaded modules: half of the time went into loading them. What a test changes in
    // its process it puts back.
    isolate: false,
    // Programs that tests start load faster.
    env: { NODE_COMPILE_CACHE: join(root, '.qcore/compile-cache') },
    reporters: ['default', 'json'],
    outputFile: { json: join(root, '.qcore/test-report.json') },
    // On a busy machine the start of a process alone can take ten seconds.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Only CI tries again, on machines that others use too, and says which tests needed it.
    retry: process.env['CI'] === undefined ? 0 : 1,
    projects: projects.map(({ folder, name }) => ({
      extends: true,
      test: { name, root: join(root, folder), include: ['src/**/*.test.ts', 'test/**/*.test.ts'] },
    })),
  },
})
