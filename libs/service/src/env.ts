import { readFileSync } from 'node:fs'
import { QError } from '@qcore/errors'
import type { Variable } from './variable.ts'

export type Variables = Readonly<Record<string, Variable<unknown>>>

/** The settings that a set of variables gives; a variable without default is undefined when it is unset. */
export type SettingsOf<V extends Variables> = {
  readonly [K in keyof V]: V[K] extends Variable<infer T> ? T : never
}

export type Environment = Readonly<Record<string, string | undefined>>

/** The environment of this process. */
export function processEnvironment(): Environment {
  return process.env
}

/**
 * Reads settings from the environment, once. An empty variable counts as unset.
 *
 * @throws QError `configuration`, whose `field` names the variable
 */
export function readSettings<V extends Variables>(
  variables: V,
  env: Environment = processEnvironment(),
): SettingsOf<V> {
  const entries = Object.entries(variables).map(([key, item]) => [key, readVariable(item, env)] as const)
  return Object.freeze(Object.fromEntries(entries)) as SettingsOf<V>
}

/** The settings as lines `NAME=value` for people, without secrets. */
export function printSettings(variables: Variables, env: Environment = processEnvironment()): string {
  const lines = Object.values(variables).map((item) => {
    const raw = readText(item, env)
    const shown = item.secret ? hideSecret(item, raw) : (raw ?? '')
    return `${item.name}=${shown}`
  })
  return [...new Set(lines)].sort().join('\n')
}

function hideSecret(item: Variable<unknown>, raw: string | undefined): string {
  if (raw === undefined) return ''
  if (!URL.canParse(raw) || new URL(raw).host === '') return '(set)'
  const url = new URL(raw)
  if (url.password !== '') url.password = 'xxxxx'
  else if (url.username !== '') url.username = 'xxxxx'
  return item.name.endsWith('_ADDR') ? url.href : '(set)'
}

function readVariable(item: Variable<unknown>, env: Environment): unknown {
  const raw = readText(item, env)
  const result = item.schema.safeParse(raw)
  if (result.success) return result.data
  if (raw === undefined) {
    throw new QError('configuration', `${item.name} is not set: ${item.description}`, { field: item.name })
  }
  const reason = result.error.issues.map((issue) => issue.message).join(', ')
  const shown = item.secret ? 'its value' : JSON.stringify(raw)
  throw new QError('configuration', `${item.name}: ${shown} ${reason}`, { field: item.name })
}

function readText(item: Variable<unknown>, env: Environment): string | undefined {
  const direct = env[item.name]
  if (direct !== undefined && direct !== '') return direct
  const file = item.secret ? env[`${item.name}_FILE`] : undefined
  if (file !== undefined && file !== '') return readSecretFile(`${item.name}_FILE`, file)
  return item.defaultText
}

function readSecretFile(name: string, file: string): string {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch (error) {
    throw new QError('configuration', `${name}: cannot read ${file}`, { field: name, cause: error })
  }
}
