import { create, fromBinary, toBinary, type DescMessage, type MessageInitShape } from '@bufbuild/protobuf'
import { anyPack } from '@bufbuild/protobuf/wkt'
import {
  DatabaseNotificationConfigSchema,
  WebConfigCreateEntityRequestSchema,
  WebConfigGetRootRequestSchema,
  WebConfigGetRootResponseSchema,
  WebMessageSchema,
  WebRuntimeDatabaseRequestSchema,
  WebRuntimeDatabaseResponseSchema,
} from '@qcore/contracts/legacy/protobufs'
import { describe, expect, it, vi } from 'vitest'
import { nameOfTypeUrl, readEnvelope } from './message/envelope.ts'
import { databaseAnswers } from './store/database-answer.ts'
import { readValue, writeValue } from './value/wire-value.ts'
import { tokenOf } from './web/runtime-routes.ts'
import { webDialect } from './web/web-dialect.ts'

/** Bytes that the original JavaScript client made. */
const golden = {
  getRoot:
    '0a0f0a057265712d311206088084dfbd0612370a35747970652e676f6f676c65617069732e636f6d2f70726f746f627566732e576562436f6e666967476574526f6f7452657175657374',
  root: '0a110a057265712d311206088084dfbd061801123e0a36747970652e676f6f676c65617069732e636f6d2f70726f746f627566732e576562436f6e666967476574526f6f74526573706f6e736512040a027231',
  create:
    '0a0f0a057265712d311206088084dfbd06124d0a3a747970652e676f6f676c65617069732e636f6d2f70726f746f627566732e576562436f6e666967437265617465456e7469747952657175657374120f0a06466f6c64657212016e1a027231',
  write:
    '0a0f0a057265712d311206088084dfbd06128b010a37747970652e676f6f676c65617069732e636f6d2f70726f746f627566732e57656252756e74696d6544617461626173655265717565737412500802124c0a02653112065374617475731a300a21747970652e676f6f676c65617069732e636f6d2f70726f746f627566732e496e74120b08fbffffffffffffffff0122040a0208012a040a026d653801',
  read: '0a0f0a057265712d311206088084dfbd06127a0a38747970652e676f6f676c65617069732e636f6d2f70726f746f627566732e57656252756e74696d654461746162617365526573706f6e7365123e123c0a02653112065374617475731a2c0a24747970652e676f6f676c65617069732e636f6d2f70726f746f627566732e537472696e6712040a024f4e3001',
  typeToken: 'EgRSb290GhNTY2hlbWFVcGRhdGVUcmlnZ2VyMgp3ZWJnYXRld2F5',
  entityToken: 'CgJlMRoGU3RhdHVzIgROYW1lIgxQYXJlbnQtPk5hbWUoATIDYXBw',
  zero: '0a21747970652e676f6f676c65617069732e636f6d2f70726f746f627566732e496e74',
} as const

const seconds = 1_740_096_000n

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

/** The payload of a golden message, and what its header says. */
function open<D extends DescMessage>(text: string, schema: D) {
  const { header, typeUrl, value } = readEnvelope(Buffer.from(text, 'hex'))
  expect(typeUrl).toBe(`type.googleapis.com/${schema.typeName}`)
  return { id: webDialect.readHeader(header).id, payload: fromBinary(schema, value) }
}

function messageOf<D extends DescMessage>(schema: D, payload: MessageInitShape<D>): string {
  const message = create(WebMessageSchema, {
    header: { id: 'req-1', timestamp: { seconds } },
    payload: anyPack(schema, create(schema, payload)),
  })
  return hex(toBinary(WebMessageSchema, message))
}

describe('requests of the original clients', () => {
  it('are read', () => {
    expect(open(golden.getRoot, WebConfigGetRootRequestSchema).id).toBe('req-1')
    expect(open(golden.create, WebConfigCreateEntityRequestSchema).payload).toMatchObject({
      type: 'Folder',
      name: 'n',
      parentId: 'r1',
    })
    const { requestType, requests } = open(golden.write, WebRuntimeDatabaseRequestSchema).payload
    const [request] = requests
    expect(requestType).toBe(2)
    expect(request).toMatchObject({ id: 'e1', field: 'Status', writeOpt: 1, writerId: { raw: 'me' } })
    expect(request?.writeTime?.raw?.seconds).toBe(1n)
    expect(request?.value && readValue(request.value)).toEqual({ type: 'Int', raw: -5n })
  })

  it('have the bytes that our messages have', () => {
    expect(messageOf(WebConfigGetRootRequestSchema, {})).toBe(golden.getRoot)
    expect(messageOf(WebConfigCreateEntityRequestSchema, { type: 'Folder', name: 'n', parentId: 'r1' })).toBe(
      golden.create,
    )
    const value = writeValue({ type: 'Int', raw: -5n }, 'protobufs')
    const request = { id: 'e1', field: 'Status', value, writeOpt: 1, writerId: { raw: 'me' } } as const
    const writeTime = { raw: { seconds: 1n } }
    expect(messageOf(WebRuntimeDatabaseRequestSchema, { requestType: 2, requests: [{ ...request, writeTime }] })).toBe(
      golden.write,
    )
  })
})

describe('answers', () => {
  it('have the bytes of the original server', () => {
    vi.useFakeTimers({ now: Number(seconds) * 1_000 })
    try {
      const { typeName } = WebConfigGetRootResponseSchema
      const value = toBinary(WebConfigGetRootResponseSchema, create(WebConfigGetRootResponseSchema, { rootId: 'r1' }))
      expect(hex(webDialect.writeAnswer('req-1', { typeName, value }))).toBe(golden.root)
    } finally {
      vi.useRealTimers()
    }
  })

  it('hold values as the original server does', () => {
    const value = writeValue({ type: 'String', raw: 'ON' }, 'protobufs')
    const request = { id: 'e1', field: 'Status', value, success: true }
    expect(messageOf(WebRuntimeDatabaseResponseSchema, { response: [request] })).toBe(golden.read)
    const [answer] = databaseAnswers(
      [{ id: 'e1', field: 'Status', writeOpt: 0 }],
      [
        {
          success: true,
          value,
          writeTime: { $typeName: 'google.protobuf.Timestamp', seconds: 5n, nanos: 0 },
          writerId: 'me',
        },
      ],
    )
    expect(answer).toMatchObject({ success: true, value, writeTime: { raw: { seconds: 5n } }, writerId: { raw: 'me' } })
  })

  it('leave the zero of a value out', () => {
    const { typeUrl, value } = writeValue({ type: 'Int', raw: 0n }, 'protobufs')
    expect([nameOfTypeUrl(typeUrl), value.length]).toEqual(['protobufs.Int', 0])
    const any = Buffer.from(golden.zero, 'hex')
    expect(any.subarray(2).toString()).toBe(typeUrl)
  })
})

describe('tokens', () => {
  it('are what the original libraries compute', () => {
    const byType = { type: 'Root', field: 'SchemaUpdateTrigger', serviceId: 'webgateway' }
    const byEntity = {
      id: 'e1',
      field: 'Status',
      contextFields: ['Name', 'Parent->Name'],
      notifyOnChange: true,
      serviceId: 'app',
    }
    expect(tokenOf(create(DatabaseNotificationConfigSchema, byType))).toBe(golden.typeToken)
    expect(tokenOf(create(DatabaseNotificationConfigSchema, byEntity))).toBe(golden.entityToken)
  })
})
