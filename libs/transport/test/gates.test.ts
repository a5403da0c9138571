import { createClient, createContextKey } from '@connectrpc/connect'
import { ReadService, WatchService } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { expect, it } from 'vitest'
import { receivedHeader, validationGate, type CallGate } from '../src/index.ts'
import { collect, failure, progress } from './_calls.ts'
import { openServed, type Served } from './_served.ts'

const caller = createContextKey('nobody')

/** A server behind gates, that says who called. What was handled is in `handled`. */
function openGated(gates: readonly CallGate[], handled: string[] = []): Promise<Served> {
  return openServed({
    routes: (router) =>
      router
        .service(ReadService, {
          readFields: () => ({}),
          getStatus: (_request, context) => {
            handled.push('getStatus')
            return { store: `${context.values.get(caller)} ${receivedHeader(context, 'x-name')}` }
          },
        })
        .service(WatchService, {
          async *watch(_request, context) {
            handled.push('watch')
            yield progress(context.values.get(caller).length)
          },
        }),
    serve: { gates },
  })
}

const byName: CallGate = (context) => {
  const name = context.receivedHeader('x-name')
  if (name === undefined) throw new QError('unauthenticated', 'who is it', { field: 'x-name' })
  context.values.set(caller, name)
}
const byNameLater: CallGate = async (context, message) => {
  await Promise.resolve()
  return byName(context, message)
}

it.each([
  ['at once', byName],
  ['later', byNameLater],
])('a gate that decides %s tells the handler what it found, or answers instead of it', async (_when, gate) => {
  const handled: string[] = []
  await using served = await openGated([gate], handled)
  const reads = createClient(ReadService, served.transport)
  const watches = createClient(WatchService, served.transport)
  expect(await failure(reads.getStatus({}))).toMatchObject({ code: 'unauthenticated', field: 'x-name' })
  expect(await failure(collect(watches.watch({})))).toMatchObject({ code: 'unauthenticated', field: 'x-name' })
  expect(handled).toEqual([])
  const headers = { 'X-Name': 'ada' }
  expect((await reads.getStatus({}, { headers })).store).toBe('ada ada')
  expect(await collect(watches.watch({}, { headers }))).toMatchObject([progress(3)])
})

it.each([
  ['at once', byName],
  ['later', byNameLater],
])('gates are asked in turn, also after one that decides %s; the first that refuses answers', async (_when, gate) => {
  const asked: string[] = []
  const note =
    (name: string): CallGate =>
    () =>
      void asked.push(name)
  const refuse: CallGate = () => {
    throw new QError('permission_denied', 'no', { field: 'level' })
  }
  await using served = await openGated([note('first'), gate, note('second'), refuse, note('third')])
  const reads = createClient(ReadService, served.transport)
  expect(await failure(reads.getStatus({}))).toMatchObject({ code: 'unauthenticated' })
  expect(asked).toEqual(['first'])
  const headers = { 'X-Name': 'ada' }
  expect(await failure(reads.getStatus({}, { headers }))).toMatchObject({ code: 'permission_denied', field: 'level' })
  expect(asked).toEqual(['first', 'first', 'second'])
})

it('a request that breaks a rule of its proto is refused at the gate, unless it surely keeps them', async () => {
  await using served = await openGated([validationGate(({ $typeName }) => $typeName.endsWith('.WatchRequest'))])
  const reads = [{ entityId: 'not an id', path: 'Name' }]
  const error = await failure(createClient(ReadService, served.transport).readFields({ reads }))
  expect(error).toMatchObject({ code: 'invalid_request', field: 'reads[0].entity_id' })
  expect(await collect(createClient(WatchService, served.transport).watch({}))).toHaveLength(1)
})

it('the headers of a call are its own, though the ones before it were the same, or nearly so', async () => {
  await using served = await openGated([byName])
  const reads = createClient(ReadService, served.transport)
  const headers: [string, string][] = [['X-Name', 'ada']]
  const callAs = async (): Promise<string> => (await reads.getStatus({}, { headers })).store
  expect([await callAs(), await callAs()]).toEqual(['ada ada', 'ada ada'])
  headers[0] = ['X-Name', 'bob']
  expect(await callAs()).toBe('bob bob')
  headers.push(['X-Other', 'value'])
  expect(await callAs()).toBe('bob bob')
  headers.length = 0
  expect(await failure(callAs())).toMatchObject({ code: 'unauthenticated' })
})
