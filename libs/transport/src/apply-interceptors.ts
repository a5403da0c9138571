import type { Interceptor } from '@connectrpc/connect'

/** Wraps a call in interceptors, the first one outermost. The interceptors keep the kind of what they pass on. */
export function applyInterceptors<Request, Response>(
  call: (request: Request) => Promise<Response>,
  interceptors: readonly Interceptor[],
): (request: Request) => Promise<Response> {
  type AnyCall = ReturnType<Interceptor>
  const wrapped = interceptors.reduceRight<AnyCall>((next, intercept) => intercept(next), call as unknown as AnyCall)
  return wrapped as unknown as (request: Request) => Promise<Response>
}
