/** A lease that somebody asks for. */
export interface LeaseClaim {
  /** What is led: 1 to 200 characters. */
  readonly key: string
  /** Who asks: 1 to 128 characters without control characters, unique among the candidates. */
  readonly holder: string
  /** How long the lease lasts, in milliseconds, on the server's clock. */
  readonly leaseMs: number
  /** The token will be greater than this, whatever the server remembers. Default 0. */
  readonly after?: number
}

/** A lease that was granted. */
export interface Lease {
  readonly key: string
  readonly holder: string
  /** The fencing token: greater than that of every lease of the key before. */
  readonly token: number
}

/** Somebody who would lead. */
export interface Candidacy {
  readonly key: string
  readonly holder: string
  /** How long the announcement counts, in milliseconds. */
  readonly ttlMs: number
}

/**
 * Where leases are kept. All times pass on the server's clock, none on the callers'. A lease is not mutual exclusion: a
 * holder that was stopped does not know that its lease has ended. What it does is fenced by the token.
 *
 * All methods throw QError `unavailable` when the server does not answer; whether it acted is then unknown.
 */
export interface LeadershipStore extends AsyncDisposable {
  /** Grants the lease if nobody holds it, also not the same holder. Returns its token; undefined if it is held. */
  acquire(claim: LeaseClaim, signal?: AbortSignal): Promise<number | undefined>
  /** Lets a lease last `leaseMs` from now. False if it has ended or is another's; it is then left as it is. */
  renew(lease: Lease, leaseMs: number, signal?: AbortSignal): Promise<boolean>
  /** Ends a lease. False if it has ended or is another's; it is then left as it is. */
  release(lease: Lease, signal?: AbortSignal): Promise<boolean>
  /** Announces a candidate, or again. Returns the live candidates in the order in which they came. */
  announce(candidacy: Candidacy, signal?: AbortSignal): Promise<string[]>
  /** Takes a candidate back. */
  withdraw(candidate: { readonly key: string; readonly holder: string }, signal?: AbortSignal): Promise<void>
}
