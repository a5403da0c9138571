import { toJson } from '@bufbuild/protobuf'
import { Code, ConnectError, createClient } from '@connectrpc/connect'
import { createGrpcTransport } from '@connectrpc/connect-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startGateway, type GatewayServer } from './_gateway-server.ts'
import { askReflection, registryOf, type Answer, type Question, type ReflectionVersion } from './_reflection-client.ts'

let server: GatewayServer
let headers: { authorization: string }

beforeAll(async () => {
  server = await startGateway()
  headers = { authorization: await server.bearer() }
})

afterAll(() => server[Symbol.asyncDispose]())

const ask = (version: ReflectionVersion, questions: Question[], options = { headers }): Promise<Answer[]> =>
  askReflection(server.url, version, questions, options.headers)

describe.each(['v1', 'v1alpha'] as const)('reflection %s', (version) => {
  it('lists the services', async () => {
    const [answer] = await ask(version, [{ case: 'listServices', value: '' }])
    const names = answer?.case === 'listServicesResponse' ? answer.value.service.map(({ name }) => name) : []
    expect(names).toEqual(
      expect.arrayContaining([
        'grpc.health.v1.Health',
        `grpc.reflection.${version}.ServerReflection`,
        'qcore.auth.v1.TokenService',
        'qcore.store.v1.CommitService',
        'qcore.store.v1.ReadService',
        'qcore.store.v1.WatchService',
      ]),
    )
  })

  it('describes a service so that it can be called without its protos', async () => {
    const [described] = await ask(version, [{ case: 'fileContainingSymbol', value: 'qcore.store.v1.ReadService' }])
    const registry = registryOf(described)
    const service = registry.getService('qcore.store.v1.ReadService')
    if (service === undefined) throw new Error('the service is not described')
    const client = createClient(service, createGrpcTransport({ baseUrl: server.url }))
    const call = client['readFields'] as unknown as (request: object, options: object) => Promise<never>
    const answer = await call({ reads: [{ entityId: 'e', path: 'Name' }] }, { headers })
    const output = service.method['readFields']?.output
    if (output === undefined) throw new Error('the method is not described')
    expect(toJson(output, answer)).toEqual({ revision: '5', results: [{ field: { value: { string: 'e.Name' } } }] })
  })

  it.each([
    'qcore.store.v1.ReadService.GetStatus',
    'qcore.store.v1.GetStatusRequest',
    'qcore.store.v1.Comparison',
    'qcore.store.v1.Comparison.COMPARISON_LESS',
    'qcore.store.v1.Consistency.demand',
    'qcore.store.v1.FieldRead.path',
    'buf.validate.field',
    'google.protobuf.Timestamp',
  ])('finds the file that declares %s', async (value) => {
    const [answer] = await ask(version, [{ case: 'fileContainingSymbol', value }])
    expect(answer?.case).toBe('fileDescriptorResponse')
  })

  it('finds files by name, and sends what they import once', async () => {
    const value = 'qcore/store/v1/read.proto'
    const [first, second] = await ask(version, [
      { case: 'fileByFilename', value },
      { case: 'fileByFilename', value },
    ])
    expect(first?.case === 'fileDescriptorResponse' && first.value.fileDescriptorProto.length).toBeGreaterThan(3)
    expect(second?.case === 'fileDescriptorResponse' && second.value.fileDescriptorProto.length).toBe(1)
  })

  it('knows extensions', async () => {
    const [numbers, file] = await ask(version, [
      { case: 'allExtensionNumbersOfType', value: 'google.protobuf.FieldOptions' },
      {
        case: 'fileContainingExtension',
        value: {
          $typeName: 'grpc.reflection.v1.ExtensionRequest',
          containingType: 'google.protobuf.FieldOptions',
          extensionNumber: 1159,
        },
      },
    ])
    expect(numbers?.case === 'allExtensionNumbersResponse' && numbers.value.extensionNumber).toContain(1159)
    const registry = registryOf(file)
    expect(registry.getExtension('buf.validate.field')).toBeDefined()
  })

  it.each([
    { case: 'fileByFilename', value: 'no/such.proto' },
    { case: 'fileContainingSymbol', value: 'qcore.store.v1.NoSuch' },
    { case: 'fileContainingSymbol', value: 'qcore.store.v1.ReadService.NoSuch' },
    { case: 'allExtensionNumbersOfType', value: 'no.Such' },
  ] as const)('says that there is no $value', async (question) => {
    const [answer] = await ask(version, [question])
    expect(answer?.case === 'errorResponse' && answer.value.errorCode).toBe(Code.NotFound)
  })

  it('is for callers with a token', async () => {
    const refused = await ask(version, [{ case: 'listServices', value: '' }], { headers: { authorization: '' } }).catch(
      (error: unknown) => ConnectError.from(error).code,
    )
    expect(refused).toBe(Code.Unauthenticated)
  })
})
