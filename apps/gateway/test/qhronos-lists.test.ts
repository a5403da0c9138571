import { createClient, createRouterTransport } from '@connectrpc/connect'
import { bearerToken, createTokenVerifier, mintToken, secretOnly, visibleTagsOf } from '@qcore/access'
import { AccessLevel, ScheduleService } from '@qcore/contracts'
import { expect, it } from 'vitest'
import { Caller } from '../src/qhronos/caller.ts'
import { loadEvents } from '../src/qhronos/load-events.ts'

const secret = 'a secret of thirty-two characters'

it.each([
  ['without tags', [], AccessLevel.READ],
  ['with tags of others', ['others'], AccessLevel.READ],
  ['of somebody who sees all', [], AccessLevel.ADMIN],
] as const)('a list %s is limited by the service to what the caller sees', async (_, tags, level) => {
  const verifier = createTokenVerifier(secret, secretOnly)
  const asked: unknown[] = []
  const transport = createRouterTransport(({ service }) => {
    service(ScheduleService, {
      async listSchedules(request, { requestHeader }) {
        asked.push([request.tags, visibleTagsOf(await verifier.verify(bearerToken(requestHeader)))])
        return { schedules: [{ id: 'seen' }] }
      },
    })
  })
  const many = Array.from({ length: 100 }, (_, index) => `user:${index}`)
  const options = { subject: 'ada', level, scopes: many, lifetimeSeconds: 60, form: 'qhronos' } as const
  const { token, claims } = await mintToken(secret, options)
  const schedules = createClient(ScheduleService, transport)
  const caller = new Caller(token, claims, { secret, store: 'main' })
  const found = await loadEvents({ services: { schedules }, caller }, { tags })
  expect(found.map(({ id }) => id)).toEqual(['seen'])
  expect(asked).toEqual([[tags, level === AccessLevel.ADMIN ? undefined : many]])
})
