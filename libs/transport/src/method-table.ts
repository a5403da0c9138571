import type { DescMethod } from '@bufbuild/protobuf'
import {
  createMethodImplSpec,
  createServiceImplSpec,
  type ConnectRouter,
  type Interceptor,
  type MethodImplSpec,
} from '@connectrpc/connect'
import { methodSubject } from '@qcore/contracts'
import { EndpointStats } from './endpoint-stats.ts'

/** A method that is served, under its subject. */
export interface Endpoint {
  readonly method: DescMethod
  readonly subject: string
  readonly spec: MethodImplSpec
  readonly interceptors: readonly Interceptor[]
  readonly stats: EndpointStats
}

/** The methods that a route function registers, by subject. */
export function createMethodTable(
  store: string,
  routes: (router: ConnectRouter) => void,
  interceptors: readonly Interceptor[],
): Map<string, Endpoint> {
  const table = new Map<string, Endpoint>()
  const add = (spec: MethodImplSpec, own: readonly Interceptor[] | undefined): void => {
    const { method } = spec
    const subject = methodSubject(store, method)
    table.set(subject, {
      method,
      subject,
      spec,
      interceptors: [...interceptors, ...(own ?? [])],
      stats: new EndpointStats(),
    })
  }
  const router: ConnectRouter = {
    handlers: [],
    service(service, implementation, options) {
      for (const spec of Object.values(createServiceImplSpec(service, implementation).methods)) {
        add(spec, options?.interceptors)
      }
      return router
    },
    rpc(method, implementation, options) {
      add(createMethodImplSpec(method, implementation), options?.interceptors)
      return router
    },
  }
  routes(router)
  return table
}
