import type { DescMethod } from '@bufbuild/protobuf'
import { MethodOptions_IdempotencyLevel as Level } from '@bufbuild/protobuf/wkt'
import { RegistrationService, RestoreService, TokenService } from '@qcore/contracts'

/** Calls that come to the same when they are made twice, though no option of their method says so. */
const sameTwice: ReadonlySet<DescMethod> = new Set<DescMethod>([
  RegistrationService.method.register,
  RegistrationService.method.renew,
  RegistrationService.method.unregister,
  RegistrationService.method.acknowledge,
  RestoreService.method.beginRestore,
  RestoreService.method.addRestorePart,
  RestoreService.method.abandonRestore,
  // A token that nobody was given is of use to nobody.
  TokenService.method.mintToken,
  // What counts is that the token has ended.
  TokenService.method.revokeToken,
])

/** Whether a call that may have been carried out may be made again: it then has the effects of one. */
export function isRepeatable(method: DescMethod, message: object): boolean {
  if (method.idempotency !== Level.IDEMPOTENCY_UNKNOWN || sameTwice.has(method)) return true
  if ('dryRun' in message && message.dryRun === true) return true
  return 'idempotencyKey' in message && message.idempotencyKey !== ''
}
