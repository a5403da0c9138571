import { expect, it, vi } from 'vitest'
import { connectTo, serviceError } from './_scripted.ts'

it('a registration is renewed again when a token could not be got', async () => {
  const tokens = ['first', undefined, 'second']
  const renewedWith: (string | null)[] = []
  await using q = await connectTo(
    {
      registration: {
        register: () => ({ registration: { token: 'r', leaseMs: 300 } }),
        renew: ({ tokens: renewed }, { requestHeader }) => {
          renewedWith.push(requestHeader.get('authorization'))
          if (renewedWith.length === 1) throw serviceError('token_expired')
          return { outcomes: renewed.map(() => ({})) }
        },
        receive: async function* (_request, { signal }) {
          yield {}
          if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve))
        },
      },
    },
    {
      token: () => {
        const token = tokens.shift()
        if (token === undefined) throw new Error('no issuer')
        return token
      },
    },
  )
  const registration = await q.register({ service: 'tests', targets: [{ type: 'T', fields: ['F'] }] }, () => {})
  await vi.waitFor(() => expect(renewedWith.slice(0, 2)).toEqual(['Bearer first', 'Bearer second']))
  await vi.waitFor(() => expect(renewedWith.length).toBeGreaterThan(2))
  await registration.leave()
})
