import { RegistrationService, type StreamRequest, type StreamResponse } from '@qcore/contracts'
import type { StreamCalls } from './stream-calls.ts'

const { method } = RegistrationService

/** The answer to a request that is answered once; undefined for others. */
export async function unaryAnswer(
  request: StreamRequest['request'],
  calls: StreamCalls,
  token: () => Promise<string>,
): Promise<StreamResponse['response'] | undefined> {
  switch (request.case) {
    case 'register':
      return { case: 'register', value: await calls.unary(method.register, request.value, await token()) }
    case 'renew':
      return { case: 'renew', value: await calls.unary(method.renew, request.value, await token()) }
    case 'unregister':
      return { case: 'unregister', value: await calls.unary(method.unregister, request.value, await token()) }
    case 'acknowledge':
      return { case: 'acknowledge', value: await calls.unary(method.acknowledge, request.value, await token()) }
    default:
      return undefined
  }
}
