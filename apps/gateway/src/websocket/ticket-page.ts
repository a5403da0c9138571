import { bearerToken, type TokenVerifier } from '@qcore/access'
import type { HttpHandler } from '../http/exchange.ts'
import { jsonPage, type JsonPageOptions } from '../http/json-page.ts'
import { ticketSeconds, type Tickets } from './tickets.ts'

export interface TicketPageOptions extends JsonPageOptions {
  readonly verifier: TokenVerifier
  readonly tickets: Tickets
}

/** Gives the owner of a token a ticket for one connection. The token must be in the header: a cookie does not do. */
export function createTicketPage({ verifier, tickets, ...options }: TicketPageOptions): HttpHandler {
  return jsonPage(options, 'POST', async ({ headers }) => {
    const token = bearerToken({ get: () => headers.authorization ?? null })
    return { ticket: await tickets.issue(await verifier.verify(token)), expiresInSeconds: ticketSeconds }
  })
}
