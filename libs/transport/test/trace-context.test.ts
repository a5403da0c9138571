import { createClient } from '@connectrpc/connect'
import { ReadService, WatchService } from '@qcore/contracts'
import { expect, it } from 'vitest'
import { currentTraceparent, withTraceparent } from '../src/index.ts'
import { collect } from './_calls.ts'
import { openServed, type Served } from './_served.ts'

const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'

async function openNested(): Promise<Served> {
  const served: Served = await openServed({
    routes: (router) =>
      router
        .service(ReadService, {
          getStatus: (_request, context) => ({ store: context.requestHeader.get('traceparent') ?? 'none' }),
          async getRoot() {
            await Promise.resolve()
            const { store } = await createClient(ReadService, served.transport).getStatus({})
            return { root: { id: store, name: currentTraceparent() ?? 'none' } }
          },
        })
        .service(WatchService, {
          async *watch() {
            const { store } = await createClient(ReadService, served.transport).getStatus({})
            yield { event: { case: 'live', value: { logId: store } } }
          },
        }),
  })
  return served
}

it('reaches the handler, and the calls that the handler makes', async () => {
  await using served = await openNested()
  const answer = await createClient(ReadService, served.transport).getRoot({}, { headers: { traceparent } })
  expect(answer.root).toMatchObject({ id: traceparent, name: traceparent })
})

it('is that of the action that a call is made in, unless the call has its own', async () => {
  await using served = await openNested()
  const client = createClient(ReadService, served.transport)
  const other = traceparent.replace('4bf9', '0000')
  expect((await withTraceparent(traceparent, async () => client.getStatus({}))).store).toBe(traceparent)
  const own = await withTraceparent(other, async () => client.getStatus({}, { headers: { traceparent } }))
  expect(own.store).toBe(traceparent)
})

it('is there in streams', async () => {
  await using served = await openNested()
  const stream = createClient(WatchService, served.transport).watch({}, { headers: { traceparent } })
  expect(await collect(stream)).toMatchObject([{ event: { value: { logId: traceparent } } }])
})

it('is absent where there is none', async () => {
  await using served = await openNested()
  const answer = await createClient(ReadService, served.transport).getRoot({})
  expect(answer.root).toMatchObject({ id: 'none', name: 'none' })
})
