import { fromConnectError } from '@qcore/transport'

/** How a call fails; undefined members: it does not. */
export async function problemOf(
  call: Promise<unknown>,
): Promise<{ code: string | undefined; field: string | undefined }> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => fromConnectError(reason),
  )
  return { code: error?.code, field: error?.field }
}
