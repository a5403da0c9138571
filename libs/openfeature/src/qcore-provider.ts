import {
  ErrorCode,
  OpenFeatureEventEmitter,
  ProviderEvents,
  type EvaluationContext,
  type JsonValue as FlagJson,
  type Provider,
  type ResolutionDetails,
} from '@openfeature/server-sdk'
import type { Client, JsonValue, SyncMap } from '@qcore/client'
import { evaluateFlag, flagPrefix } from '@qcore/flags'

/** Keys of a map are behind its prefix and a colon. */
const mapPrefix = flagPrefix.slice(0, -1)

type ValueOf = { boolean: boolean; string: string; number: number; object: FlagJson }

/** Evaluates flags that are values of the configuration, in memory. The client stays the caller's. */
export class QcoreProvider implements Provider {
  readonly metadata = { name: 'qcore' } as const
  readonly runsOn = 'server'
  readonly events = new OpenFeatureEventEmitter()
  readonly #client: Client
  #flags: SyncMap<JsonValue> | undefined
  #isStale = false

  constructor(client: Client) {
    this.#client = client
  }

  /** Loads the flags. Rejects if they cannot be read. */
  async initialize(): Promise<void> {
    const flags = await this.#client.config.map(mapPrefix, {
      onInterruption: () => {
        this.#isStale = true
        this.events.emit(ProviderEvents.Stale, { message: 'the connection is interrupted' })
      },
      onLive: () => {
        if (this.#isStale) this.events.emit(ProviderEvents.Ready)
        this.#isStale = false
      },
    })
    this.#flags = flags
    flags.subscribe(({ key }) => this.events.emit(ProviderEvents.ConfigurationChanged, { flagsChanged: [key] }))
    flags.ended.catch((error: unknown) => {
      const message = error instanceof Error ? error.message : String(error)
      this.events.emit(ProviderEvents.Error, { message, errorCode: ErrorCode.PROVIDER_FATAL })
    })
  }

  async onClose(): Promise<void> {
    await this.#flags?.close()
  }

  async resolveBooleanEvaluation(name: string, byDefault: boolean, context: EvaluationContext) {
    return this.#resolve(name, byDefault, { context, type: 'boolean' })
  }

  async resolveStringEvaluation(name: string, byDefault: string, context: EvaluationContext) {
    return this.#resolve(name, byDefault, { context, type: 'string' })
  }

  async resolveNumberEvaluation(name: string, byDefault: number, context: EvaluationContext) {
    return this.#resolve(name, byDefault, { context, type: 'number' })
  }

  async resolveObjectEvaluation<T extends FlagJson>(name: string, byDefault: T, context: EvaluationContext) {
    return this.#resolve(name, byDefault, { context, type: 'object' }) as ResolutionDetails<T>
  }

  #resolve<Type extends keyof ValueOf>(
    name: string,
    value: ValueOf[Type],
    { context, type }: { context: EvaluationContext; type: Type },
  ): ResolutionDetails<ValueOf[Type]> {
    const flags = this.#flags
    if (flags === undefined) return { value, reason: 'ERROR', errorCode: ErrorCode.PROVIDER_NOT_READY }
    const held = flags.get(name)
    if (held === undefined) {
      return { value, reason: 'ERROR', errorCode: ErrorCode.FLAG_NOT_FOUND, errorMessage: `there is no flag ${name}` }
    }
    const result = evaluateFlag(name, held, context)
    if ('errorCode' in result) {
      return { value, reason: 'ERROR', errorCode: ErrorCode[result.errorCode], errorMessage: result.message }
    }
    if (!isOf(type, result.value)) {
      const errorMessage = `the flag ${name} is not of the type ${type}`
      return { value, reason: 'ERROR', errorCode: ErrorCode.TYPE_MISMATCH, errorMessage }
    }
    const { variant, reason } = result
    const flagMetadata = { configRevision: flags.revisionOf(name) }
    return { value: result.value, reason, flagMetadata, ...(variant === undefined ? {} : { variant }) }
  }
}

function isOf<Type extends keyof ValueOf>(type: Type, value: unknown): value is ValueOf[Type] {
  return type === 'object' ? typeof value === 'object' && value !== null : typeof value === type
}
