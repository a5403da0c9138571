import { nameOfLevel } from '@qcore/access'
import { z } from 'zod'
import type { Route } from './route.ts'

const errorSchema = {
  type: 'object',
  required: ['error', 'code'],
  properties: {
    error: { type: 'string', description: 'For people.' },
    code: { type: 'string', description: 'Stable; docs/errors.md lists them.' },
    field: { type: 'string', description: 'What is wrong.' },
  },
}

/** The document of the interface, made from its routes: OpenAPI 3.1. */
export function openApiDocument(routes: readonly Route[]): object {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const route of routes) {
    const path = route.path.replace(':id', '{id}')
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route) }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Qhronos interface of qcore',
      version: '1',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    paths,
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
      schemas: { Error: errorSchema },
    },
  }
}

function operationOf(route: Route): object {
  const { method, path, summary, access, body, parameters = {}, answers } = route
  const inPath = path.includes(':id') ? [{ name: 'id', in: 'path', required: true, schema: { type: 'string' } }] : []
  const inQuery = Object.entries(parameters).map(([name, description]) => ({
    name,
    in: 'query',
    description,
    schema: { type: 'string' },
  }))
  return {
    operationId: `${method.toLowerCase()}${path.replace(/[^a-zA-Z]+([a-zA-Z])/g, (_, letter: string) => letter.toUpperCase())}`,
    summary,
    description: needOf(access),
    security: access === 'public' ? [] : [{ token: [] }],
    parameters: [...inPath, ...inQuery],
    ...(body === undefined ? {} : { requestBody: { required: true, content: jsonOf(schemaOf(body)) } }),
    responses: { ...responsesOf(answers), default: { description: 'An error', content: errorContent } },
  }
}

const errorReference = { $ref: '#/components/schemas/Error' }
const errorContent = jsonOf(errorReference)

function needOf(access: Route['access']): string {
  if (access === 'public') return 'Needs no token.'
  return access === 'master' ? 'Needs the master token.' : `Needs a token of level ${nameOfLevel(access) ?? 'admin'}.`
}

function responsesOf(answers: Route['answers']): object {
  const responses = Object.entries(answers).map(([status, description]) => [status, { description }])
  return Object.fromEntries(responses) as object
}

function jsonOf(schema: unknown): object {
  return { 'application/json': { schema } }
}

function schemaOf(body: z.ZodType): unknown {
  const { $schema: _, ...schema } = z.toJSONSchema(body, { io: 'input', unrepresentable: 'any' })
  return schema
}
