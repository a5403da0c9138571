import type { NatsConnection } from '@nats-io/transport-node'
import { openTokenAccess, SecretBox, trustFromDatabase, type TokenVerifier } from '@qcore/access'
import { connect } from '@qcore/client'
import { AccessLevel } from '@qcore/contracts'
import { closePool, keyedSettings, openPool, prepareStore, type Pool } from '@qcore/database'
import { createLogger, openNats, type Logger } from '@qcore/service'
import { createNatsTransport } from '@qcore/transport'
import { DueNotices } from './action/due-notices.ts'
import { EmitEventRunner } from './action/emit-event.ts'
import { HookConnections } from './action/hook-connections.ts'
import { HttpRunner } from './action/http-runner.ts'
import { PublishRunner } from './action/publish.ts'
import { apiCallRequest, webhookRequest } from './action/webhook-request.ts'
import { WebSocketRunner } from './action/websocket.ts'
import { WriteFieldsRunner } from './action/write-fields.ts'
import { assertConsistent, type SchedulerConfig } from './config.ts'
import { Dispatcher } from './dispatch/dispatcher.ts'
import { FailureKeeper } from './dispatch/failure-keeper.ts'
import { PacedGate } from './dispatch/paced-gate.ts'
import { Connections } from './http/connections.ts'
import { EgressRules } from './http/egress-rules.ts'
import { OwnTokens } from './own-tokens.ts'
import { Planner } from './plan/planner.ts'
import { Retirer } from './retirer.ts'
import { SecretKeeper } from './secret-keeper.ts'

/** What the scheduler works with. Disposing gives back what it has claimed, and closes what it opened. */
export interface SchedulerContext extends AsyncDisposable {
  readonly config: SchedulerConfig
  readonly logger: Logger
  readonly connection: NatsConnection
  readonly verifier: TokenVerifier
  readonly pool: Pool
  /** What webhooks are signed with. */
  readonly signing: { readonly secrets: SecretBox; readonly defaultSecret: string }
}

/** What a caller of `createScheduler` brings along; it stays the caller's to close. */
export interface SchedulerOverrides {
  logger?: Logger
  connection?: NatsConnection
}

/** Connections to PostgreSQL: claiming, beginning, completing and settling have one each at a time, and each schedule whose turns are given. */
const dispatchConnections = 6
/** For calls, for planning, and for what is done now and then. */
const poolConnections = 4
/** Schedules and occurrences soon are many more than PostgreSQL's statistics know of. */
const poolSettings = { enable_seqscan: 'off', jit: 'off' }
/** A transaction may hold up commits of its schedule: one whose scheduler stands still ends well before the writer's lease. */
const mostIdleMs = 2_000
const hourMs = 3_600_000

export async function openContext(config: SchedulerConfig, overrides: SchedulerOverrides): Promise<SchedulerContext> {
  assertConsistent(config)
  const { store, instanceId, logLevel, postgresAddress, authSecret, concurrency, leaseMs, lookAheadMs } = config
  const logger = overrides.logger ?? createLogger({ service: 'scheduler', level: logLevel, instanceId })
  const applicationName = `qcore-scheduler ${instanceId}`
  await using opened = new AsyncDisposableStack()
  const connection = overrides.connection ?? (await openNats(config.natsAddress, { name: applicationName }))
  if (overrides.connection === undefined) opened.defer(() => connection.close())
  const database = { address: postgresAddress, store, applicationName }
  await prepareStore(database, (error) => logger.warn({ err: error }, 'waiting for PostgreSQL'))
  const openOne = (max: number, more: Readonly<Record<string, string>>): Pool => {
    const settings = { idle_in_transaction_session_timeout: String(mostIdleMs), ...more }
    const pool = openPool({ ...database, max, statementTimeoutMs: leaseMs / 2, settings }, (error) =>
      logger.warn({ err: error }, 'an idle PostgreSQL connection broke'),
    )
    opened.defer(() => closePool(pool))
    return pool
  }
  const pool = openOne(poolConnections, poolSettings)
  const dispatchPool = openOne(dispatchConnections, keyedSettings)
  const access = opened.use(await openTokenAccess({ config, connection, logger, source: trustFromDatabase(pool) }))
  const tokens = new OwnTokens(authSecret)
  const transport = createNatsTransport({ connection, store })
  const client = opened.use(await connect({ transport, token: () => tokens.get(AccessLevel.WRITE) }))
  const rules = new EgressRules(listOf(config.egressAllow))
  const secretsBefore = config.authSecretsBefore.split(' ').filter((each) => each !== '')
  const secrets = new SecretBox(authSecret, secretsBefore)
  const signing = { secrets, defaultSecret: config.webhookSecret }
  const connections = opened.use(new Connections(rules))
  const sending = { rules, connections, timeoutMs: config.webhookTimeoutMs }
  const runners = {
    emitEvent: new EmitEventRunner(client),
    webhook: new HttpRunner({ ...sending, requestOf: (occasion) => webhookRequest(occasion, signing) }),
    apiCall: new HttpRunner({ ...sending, requestOf: apiCallRequest }),
    writeFields: new WriteFieldsRunner(transport, tokens),
    publish: new PublishRunner({
      connection,
      allowed: listOf(config.publishAllow),
      timeoutMs: config.webhookTimeoutMs,
    }),
    websocket: new WebSocketRunner(new HookConnections({ connection, store, tokens }), config.webhookTimeoutMs),
  }
  opened.use(new SecretKeeper({ executor: pool, logger, secrets, hasSecretsBefore: secretsBefore.length > 0 }))
  opened.use(new Retirer({ executor: pool, logger, retentionMs: config.retentionHours * hourMs }))
  opened.use(new Planner({ executor: pool, logger, lookAheadMs }))
  opened.use(
    new Dispatcher({
      pool: dispatchPool,
      logger,
      instanceId,
      concurrency,
      leaseMs,
      runners,
      notices: new DueNotices(connection, store),
      failures: new FailureKeeper(pool, logger),
      gate: new PacedGate(config.targetConcurrency, config.targetRate),
    }),
  )
  const owned = opened.move()
  return {
    config,
    logger,
    connection,
    verifier: access.verifier,
    pool,
    signing,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

function listOf(text: string): string[] {
  return text.split(',').flatMap((each) => (each.trim() === '' ? [] : [each.trim()]))
}
