import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'

const manifestSchema = z.object({
  name: z.string(),
  dependencies: z.record(z.string(), z.string()).default({}),
  devDependencies: z.record(z.string(), z.string()).default({}),
  nx: z.object({ tags: z.array(z.string()) }),
})

/** A workspace package. */
export interface Project {
  name: string
  /** Relative to the workspace root. */
  folder: string
  layer: string
  dependencies: ReadonlySet<string>
  devDependencies: ReadonlySet<string>
}

/** The workspace packages below a workspace root. */
export function readProjects(root: string): Project[] {
  return ['apps', 'examples', 'libs', 'tools'].flatMap((group) =>
    readdirSync(join(root, group), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => readProject(root, `${group}/${entry.name}`)),
  )
}

function readProject(root: string, folder: string): Project {
  const manifest = manifestSchema.parse(JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')))
  return {
    name: manifest.name,
    folder,
    layer: manifest.nx.tags.find((tag) => tag.startsWith('layer:'))?.slice('layer:'.length) ?? '',
    dependencies: new Set(Object.keys(manifest.dependencies)),
    devDependencies: new Set(Object.keys(manifest.devDependencies)),
  }
}

/** The TypeScript and JavaScript files of a project, relative to the workspace root, without generated code. */
export function sourceFiles(root: string, project: Project): string[] {
  return readdirSync(join(root, project.folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.(ts|mjs|js)$/.test(file) && !/(^|\/)(node_modules|gen|dist)\//.test(file))
    .map((file) => join(project.folder, file))
    .sort()
}
