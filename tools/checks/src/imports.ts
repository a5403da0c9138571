import { readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { join, relative, resolve } from 'node:path'
import { readProjects, sourceFiles, type Project } from './projects.ts'

/**
 * The layers, lowest first. A project may import projects of lower layers, and of its own layer if `imports` says so.
 * Tests and benches may import everything that their package.json declares.
 */
const layers: readonly { name: string; ownLayer: boolean }[] = [
  { name: 'base', ownLayer: false },
  { name: 'model', ownLayer: true },
  { name: 'platform', ownLayer: true },
  { name: 'domain', ownLayer: false },
  { name: 'client', ownLayer: false },
  { name: 'framework', ownLayer: true },
  { name: 'app', ownLayer: false },
  { name: 'launcher', ownLayer: false },
  { name: 'tool', ownLayer: true },
]

const importPattern =
  /(?:^|[\n;])\s*(?:import|export)\s(?:[^'"`;]*?\sfrom\s*)?['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]\s*\)/g

/** The module specifiers that a source text imports. */
export function importedSpecifiers(text: string): string[] {
  return [...text.matchAll(importPattern)].map((match) => match[1] ?? match[2] ?? '')
}

/** What is wrong with the imports of a workspace: undeclared packages, forbidden layers, doors that were bypassed. */
export function importProblems(root: string): string[] {
  const projects = readProjects(root)
  const byName = new Map(projects.map((project) => [project.name, project]))
  return projects.flatMap((project) => [
    ...layerProblems(project, byName),
    ...sourceFiles(root, project).flatMap((file) => fileProblems(root, project, file)),
  ])
}

function layerProblems(project: Project, byName: ReadonlyMap<string, Project>): string[] {
  const own = layers.findIndex(({ name }) => name === project.layer)
  if (own === -1) return [`${project.folder}/package.json: the tag layer:${project.layer} names no layer`]
  return [...project.dependencies].flatMap((name) => {
    const dependency = byName.get(name)
    if (dependency === undefined) return []
    const theirs = layers.findIndex(({ name: layer }) => layer === dependency.layer)
    const allowed = theirs < own || (theirs === own && layers[own]?.ownLayer === true)
    return allowed
      ? []
      : [`${project.folder}/package.json: ${project.layer} may not depend on ${name} (${dependency.layer})`]
  })
}

function fileProblems(root: string, project: Project, file: string): string[] {
  const isTest = /\.test\.ts$|\/(test|bench)\//.test(file)
  return importedSpecifiers(readFileSync(join(root, file), 'utf8')).flatMap((specifier) => {
    if (specifier.startsWith('.')) {
      const target = relative(resolve(root, project.folder), resolve(root, file, '..', specifier))
      return target.startsWith('..') ? [`${file}: ${specifier} leaves the project`] : []
    }
    const name = packageName(specifier)
    if (specifier.startsWith('node:') || specifier.startsWith('#') || name === project.name) return []
    if (builtinModules.includes(name)) return [`${file}: write node:${name}`]
    if (project.dependencies.has(name)) return []
    if (isTest && (project.devDependencies.has(name) || name === 'vitest' || name === 'fast-check')) return []
    return [`${file}: ${name} is not declared in ${project.folder}/package.json`]
  })
}

function packageName(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}
