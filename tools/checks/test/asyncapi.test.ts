import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { resolve } from 'node:path'
import { Ajv } from 'ajv'
import { Ajv2019 } from 'ajv/dist/2019.js'
import { create, toJson } from '@bufbuild/protobuf'
import { DeliverySchema } from '@qcore/contracts'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { pushedChannels } from '../src/asyncapi/pushed-channels.ts'
import { yamlText } from '../src/asyncapi/yaml-text.ts'

const root = resolve(import.meta.dirname, '../../..')
const text = readFileSync(resolve(root, 'docs/asyncapi.yaml'), 'utf8')
const document = z
  .object({
    channels: z.record(z.string(), z.object({ address: z.string().optional() })),
    components: z.object({ schemas: z.record(z.string(), z.json()) }),
  })
  .parse(parse(text))
const schemaFile = createRequire(import.meta.url).resolve('@asyncapi/specs/schemas/3.0.0-without-$id.json')

describe('docs/asyncapi.yaml', () => {
  it('is valid by AsyncAPI 3.0.0', () => {
    const schema = JSON.parse(readFileSync(schemaFile, 'utf8')) as object
    const validate = new Ajv({ strict: false, validateFormats: false }).compile(schema)
    validate(parse(text))
    expect(validate.errors ?? []).toEqual([])
  }, 60_000)

  it('refers to nothing that is not there', () => {
    const json: unknown = parse(text)
    const references = [...text.matchAll(/\$ref: "#\/([^"]+)"/g)].map((match) => match[1] ?? '')
    expect(references.length).toBeGreaterThan(100)
    const missing = references.filter((path) => {
      const found = path
        .split('/')
        .reduce<unknown>((at, name) => (at as Record<string, unknown> | undefined)?.[name], json)
      return found === undefined
    })
    expect(missing).toEqual([])
  })

  it('has every subject of the page that describes the protocol', () => {
    const page = readFileSync(resolve(root, 'docs/protocol.md'), 'utf8')
    const addresses = new Set(Object.values(document.channels).map(({ address }) => address))
    for (const { address } of pushedChannels) {
      expect(addresses).toContain(address)
      expect(page).toContain(address.replaceAll('{', '<').replaceAll('}', '>'))
    }
  })

  it('describes the JSON that is sent', () => {
    const schemas = JSON.parse(
      JSON.stringify(document.components.schemas).replaceAll('#/components/schemas/', 'schemas#/$defs/'),
    ) as Record<string, object>
    const validator = new Ajv2019({ strict: false, validateFormats: false })
    validator.addSchema({ $id: 'schemas', $defs: schemas })
    const validate = validator.compile({ $ref: 'schemas#/$defs/qcore.store.v1.Delivery' })
    const delivery = create(DeliverySchema, {
      id: 'a.42.notifications.0',
      revision: 42n,
      event: {
        case: 'notifications',
        value: {
          revision: 42n,
          commitTime: { seconds: 1n },
          notifications: [
            { current: { name: 'Level', value: { kind: { case: 'float', value: 0.5 } } }, membership: 1 },
          ],
        },
      },
    })
    validate(toJson(DeliverySchema, delivery))
    expect(validate.errors ?? []).toEqual([])
    expect(validate({ id: 5 })).toBe(false)
    expect(validate({ surprise: 'x' })).toBe(false)
  })
})

it('YAML says what JSON says', () => {
  const json = {
    a: { 'b c': ['x', 'yes', '1', 1, true, null, { d: 'e: f', g: [] }, ['nested']], empty: {}, gone: undefined },
    $ref: '#/components/x',
    text: 'two\n\nparagraphs: "quoted"',
    on: 'null',
  }
  expect(parse(yamlText(json))).toEqual(JSON.parse(JSON.stringify(json)))
})
