import { expect, it } from 'vitest'
import { signatureHeaders } from './webhook-signature.ts'

it.each([
  ['{"event": "test"}', 'qhronos.io', 'd10ee05d5b70564332006065c27fa62864bffaa6cb6e5b0abc2430052a4e9ba0'],
  ['{"event": "test"}', 'custom-secret', '727e85549f309ccfbb223e001f65ce70f4a1a8891000e003b45fb69ea58b0d6e'],
])('signs the body %s with %s as Qhronos does', (body, secret, signature) => {
  expect(signatureHeaders(secret, { id: 'a', timestamp: 1, body })['x-qhronos-signature']).toBe(signature)
})

it('signs as Standard Webhooks says', () => {
  // The example of the specification's libraries.
  const headers = signatureHeaders('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', {
    id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    timestamp: 1_614_265_330,
    body: '{"test": 2432232314}',
  })
  expect(headers['webhook-signature']).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=')
})

it('signs with former secrets too, so that a receiver that has only one of them verifies', () => {
  const content = { id: 'msg_1', timestamp: 1_614_265_330, body: '{}' }
  const of = (secret: string): Record<string, string> => signatureHeaders(secret, content)
  const headers = signatureHeaders('present', content, ['former', 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'])
  expect(headers['webhook-signature']?.split(' ')).toEqual([
    of('present')['webhook-signature'],
    of('former')['webhook-signature'],
    of('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw')['webhook-signature'],
  ])
  expect(headers['x-qhronos-signature']).toBe(of('present')['x-qhronos-signature'])
  expect(headers['x-qhronos-signature-former']).toBe(of('former')['x-qhronos-signature'])
  expect(of('present')).not.toHaveProperty('x-qhronos-signature-former')
})
