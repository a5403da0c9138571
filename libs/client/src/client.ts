import { ReadService } from '@qcore/contracts'
import { isQError, QError } from '@qcore/errors'
import { DirectScope } from './bindings/direct-scope.ts'
import { AnyEntityBinding } from './bindings/entity-binding.ts'
import { MultiBinding } from './bindings/multi-binding.ts'
import { TypeBinding } from './bindings/type-binding.ts'
import type { CallOptions, Caller } from './calls/caller.ts'
import { errorFromProblem } from './calls/problem.ts'
import { commit } from './commit/commit-builder.ts'
import type { CommitInput, MoveTarget, NewEntity, WriteOptions } from './commit/commit-builder.ts'
import { Committer, type CommitOptions, type CommitPlan, type CommitResult } from './commit/committer.ts'
import { ConfigClient } from './config/config-client.ts'
import type { Connection } from './connection/connection.ts'
import type { EmittedEvent, EventOptions } from './events/event.ts'
import { EventClient } from './events/event-client.ts'
import type { Commit, HistoryChange } from './history/history-change.ts'
import { listCommits, listHistory, type CommitListOptions, type HistoryOptions } from './history/list-history.ts'
import { PastStore } from './history/past-store.ts'
import type { NotificationStream } from './notify/notification-stream.ts'
import { Notifier } from './notify/notifier.ts'
import type { NotificationCallback, NotifyOptions } from './notify/subscriber.ts'
import type { Subscription } from './notify/subscription.ts'
import type { NotificationFor, WatchTarget } from './notify/watch-target.ts'
import type { ListedRegistration } from './registration/listed-registration.ts'
import { Registrar, type ListOptions } from './registration/registrar.ts'
import type { ChangeCallback, RegisterOptions } from './registration/register-options.ts'
import type { RegistrationInput } from './registration/registration-input.ts'
import type { Registration } from './registration/registration.ts'
import { childrenOf } from './read/children.ts'
import { isPast, Session, type Consistency, type Moment, type ReadOptions } from './read/consistency.ts'
import { EntityReader } from './read/entity-reader.ts'
import { ExistsReader, type ExistsInput } from './read/exists.ts'
import { FieldReader, type FieldRef } from './read/field-reader.ts'
import { findPage, findRequest, type FindQuery, type FoundEntity } from './read/find.ts'
import { Pages, type PagesOptions } from './read/pages.ts'
import type { TypeDefinition } from './schema/define-type.ts'
import {
  countQuery,
  explainQuery,
  queryPages,
  type Explanation,
  type QueriedEntity,
  type QueryInput,
  type QueryOptions,
} from './read/query.ts'
import type { AlterStep } from './schema/alter-type.ts'
import { readSchemaVersions, type SchemaVersion } from './schema/schema-versions.ts'
import type { TypeSchema, TypeSchemaInput } from './schema/schema.ts'
import { TypeDirectory } from './schema/type-directory.ts'
import type { SnapshotSource } from './snapshot/file-parts.ts'
import { planRestore, type Restore, type RestoreOptions } from './snapshot/restore.ts'
import { saveSnapshot } from './snapshot/save-snapshot.ts'
import { readStatus, type Status } from './status.ts'
import { ScheduleClient } from './schedules/schedule-client.ts'
import { TokenClient } from './token-client.ts'
import { entityFromMessage, type Entity, type Field } from './values/field.ts'
import { idOf, type EntityRef, type ValueInput } from './values/value-input.ts'

/** What only some of the methods are told. */
type OneCommitOptions = CommitOptions & WriteOptions

/** A store. All methods throw QErrors; docs/errors.md lists the codes. */
export class Client implements AsyncDisposable {
  /** Makes and checks tokens. */
  readonly token: TokenClient
  /** Reads events, registers namespaces and nodes. */
  readonly events: EventClient
  /** Reads, changes and follows the configuration. */
  readonly config: ConfigClient
  /** Makes and reads schedules, and tells what became of them. */
  readonly schedules: ScheduleClient
  readonly #caller: Caller
  readonly #connection: Connection
  readonly #session: Session
  readonly #entities: EntityReader
  readonly #fields: FieldReader
  readonly #exists: ExistsReader
  readonly #directory: TypeDirectory
  readonly #committer: Committer
  readonly #notifier: Notifier
  readonly #registrar: Registrar

  constructor(caller: Caller, connection: Connection, consistency: Consistency) {
    this.#caller = caller
    this.#connection = connection
    this.#session = new Session(consistency)
    this.#entities = new EntityReader(caller, this.#session)
    this.#fields = new FieldReader(caller, this.#session)
    this.#exists = new ExistsReader(caller, this.#session)
    this.#directory = new TypeDirectory(caller, this.#session, this.#entities)
    const { keepsOrder } = connection
    this.#committer = new Committer({ caller, directory: this.#directory, session: this.#session, keepsOrder })
    this.#notifier = new Notifier({ caller, session: this.#session })
    this.#registrar = new Registrar({ caller, session: this.#session, bus: connection.bus })
    this.events = new EventClient(caller)
    this.config = new ConfigClient(caller, (input, options) => this.commit(input, options), consistency === 'latest')
    this.schedules = new ScheduleClient(caller, (input, options) => this.commit(input, options))
    this.token = new TokenClient(caller)
  }

  /** The newest revision that this client made or was notified of; 0 before the first. */
  get revision(): number {
    return this.#session.revision
  }

  /** Reads the root. */
  async root(options: ReadOptions = {}): Promise<Entity> {
    const { root } = await this.#caller.call(ReadService.method.getRoot, this.#demand(options), options)
    if (root === undefined) throw new QError('internal', 'the answer has no root')
    return entityFromMessage(root)
  }

  /** Reads an entity. Throws `unknown_entity`. */
  async get(id: string, options: ReadOptions = {}): Promise<Entity> {
    const [result] = await this.#entities.read([id], options)
    if (result?.outcome.case === 'entity') {
      if (!isPast(options.consistency)) this.#directory.rememberEntity(id, result.outcome.value.type)
      return entityFromMessage(result.outcome.value)
    }
    if (result?.outcome.case === 'problem') throw errorFromProblem(result.outcome.value)
    throw new QError('internal', 'the answer has too few results')
  }

  /** Whether an entity, a type, or a field of a type exists. */
  exists(what: ExistsInput, options: ReadOptions = {}): Promise<boolean> {
    return this.#exists.read(what, options)
  }

  /** The children of an entity, in the order of its type: by name, then id, or as they were placed. */
  children(parent: EntityRef, options: ReadOptions & PagesOptions = {}): Pages<Entity> {
    return childrenOf({ caller: this.#caller, session: this.#session }, parent, options)
  }

  /** Finds the entities of exactly one type by the values of their fields. */
  find(type: string, query: FindQuery = {}, options: ReadOptions = {}): Pages<FoundEntity> {
    const find = async (cursor: string, limit: number): ReturnType<typeof findPage> => {
      const request = await findRequest(type, query, this.#directory, options)
      request.cursor = cursor
      request.limit = limit
      return findPage(this.#queryContext, request, options)
    }
    return new Pages(async (cursor, limit) => {
      try {
        return await find(cursor, limit)
      } catch (error) {
        if (!isQError(error, 'type_mismatch')) throw error
        // A field may have been retyped since its type was asked for.
        this.#directory.forgetSchema(type)
        return find(cursor, limit)
      }
    }, query)
  }

  /** What a query finds, page by page, all pages of one revision. The query is text or made by `query(type)`. */
  query(query: QueryInput, options: QueryOptions = {}): Pages<QueriedEntity> {
    return queryPages(this.#queryContext, query, options)
  }

  /** How many entities a query finds. */
  count(query: QueryInput, options: ReadOptions = {}): Promise<number> {
    return countQuery(this.#queryContext, query, options)
  }

  /** How a query is answered: its SQL, PostgreSQL's plan, the indexes. */
  explain(query: QueryInput, options: QueryOptions = {}): Promise<Explanation> {
    return explainQuery(this.#queryContext, query, options)
  }

  /** Reads a field, or a path that ends in one: `Status`, `Owner->Site->Name`. */
  read(entity: EntityRef, path: string, options: ReadOptions = {}): Promise<Field> {
    return this.#fields.readOne(entity, path, options)
  }

  /** Reads up to 1,000 fields as they were at one revision. Throws the error of the first that has one. */
  readMany(reads: readonly FieldRef[], options: ReadOptions = {}): Promise<{ revision: number; fields: Field[] }> {
    return this.#fields.readMany(reads, options)
  }

  /** The store as it was at a revision, or at a time. Nothing is read before its methods are called. */
  at(moment: Moment): PastStore {
    return new PastStore(this, moment)
  }

  /**
   * The revision that a moment means: of a time, the newest one committed at or before it.
   *
   * @throws QError `compacted`, `future_revision`
   */
  async revisionAt(moment: Moment, options: CallOptions = {}): Promise<number> {
    const asked = { questions: [{ subject: { case: 'type' as const, value: 'Root' } }] }
    const request = { ...asked, ...this.#demand({ consistency: { asOf: moment } }) }
    return Number((await this.#caller.call(ReadService.method.checkExists, request, options)).revision)
  }

  /**
   * What was done to an entity, or to one of its fields, the newest first unless said otherwise; as far back as the log
   * goes. Also of an entity that was deleted.
   *
   * @throws QError `unknown_entity`, `unknown_field`, `compacted`, `future_revision`
   */
  history(entity: EntityRef, options: HistoryOptions = {}): AsyncGenerator<HistoryChange, void> {
    return listHistory(this.#caller, idOf(entity), options)
  }

  /** The commits of the store, the newest first unless said otherwise. Needs level admin. Throws the same. */
  commits(options: CommitListOptions = {}): AsyncGenerator<Commit, void> {
    return listCommits(this.#caller, options)
  }

  /** Creates an entity. */
  async create(type: string, entity: NewEntity, options: CommitOptions = {}): Promise<Entity> {
    const { revision, results } = await this.commit(commit().create(type, entity), options)
    const id = results[0]?.entityId ?? ''
    return { id, type, name: entity.name, parentId: idOf(entity.parent), createdRevision: revision }
  }

  /** Deletes an entity and its descendants; references to them are cleared in the same commit. */
  delete(entity: EntityRef, options: CommitOptions = {}): Promise<CommitResult> {
    return this.commit(commit().delete(entity), options)
  }

  /** Gives an entity another name. */
  rename(entity: EntityRef, name: string, options: CommitOptions = {}): Promise<CommitResult> {
    return this.commit(commit().rename(entity, name), options)
  }

  /** Gives an entity, with its descendants, another parent, or another place among its siblings. */
  move(entity: EntityRef, target: MoveTarget, options: CommitOptions = {}): Promise<CommitResult> {
    return this.commit(commit().move(entity, target), options)
  }

  /** Writes a field. */
  write(entity: EntityRef, field: string, value: ValueInput, options: OneCommitOptions = {}): Promise<CommitResult> {
    return this.commit(commit().write(entity, field, value, options), options)
  }

  /** Makes all changes of a commit, as one revision, or none of them. */
  commit(input: CommitInput, options: CommitOptions = {}): Promise<CommitResult> {
    return this.#committer.commit(input, options)
  }

  /**
   * Emits an event, now or later, as a commit of its own. The namespace must be registered.
   *
   * @param payload what JSON can hold; default `{}`. A `RawJson` is sent as it is.
   * @throws QError `unknown_namespace`, `invalid_request`
   */
  async emit(
    namespace: string,
    type: string,
    payload?: unknown,
    options: CommitOptions & EventOptions = {},
  ): Promise<EmittedEvent> {
    const { revision, time, results } = await this.commit(commit().emit(namespace, type, payload, options), options)
    const { eventId: id = '', changed = false } = results[0] ?? {}
    return { id, revision, time, isDuplicate: !changed }
  }

  /** Reads the schema of a type. */
  schema(type: string, options: ReadOptions = {}): Promise<TypeSchema> {
    return this.#directory.readSchema(type, options.consistency, options)
  }

  /** The versions of a schema that there were, oldest first, also of a type that was deleted. */
  schemaVersions(type: string, options: CallOptions = {}): Promise<SchemaVersion[]> {
    return readSchemaVersions(this.#caller, type, options)
  }

  /** Changes a type, and what its entities hold: fields are added, removed, renamed, retyped and ordered. */
  alterType(type: string, steps: readonly AlterStep[], options: CommitOptions = {}): Promise<CommitResult> {
    return this.commit(commit().alterType(type, steps), options)
  }

  /** Deletes a type that has no entities. Throws `type_in_use`. */
  deleteType(type: string, options: CommitOptions = {}): Promise<CommitResult> {
    return this.commit(commit().deleteType(type), options)
  }

  /** What a commit would do, without doing it. What stands in the way of a change of a type is listed, not thrown. */
  plan(input: CommitInput, options: CallOptions = {}): Promise<CommitPlan> {
    return this.#committer.plan(input, options)
  }

  /** Creates a type, or changes it: fields may be added. `alterType` does more. */
  setSchema(schema: TypeSchemaInput, options: CommitOptions = {}): Promise<CommitResult> {
    return this.commit(commit().setSchema(schema), options)
  }

  /** The names of all types, ordered. */
  async types(options: ReadOptions = {}): Promise<string[]> {
    return (await this.#caller.call(ReadService.method.listTypes, this.#demand(options), options)).types
  }

  /** Calls back for every change of what is watched, in order. Resolves when the subscription is live. */
  notify<const Target extends WatchTarget>(
    target: Target,
    callback: NotificationCallback<NotificationFor<Target>>,
    options: NotifyOptions = {},
  ): Promise<Subscription> {
    return this.#notifier.subscribe(target, callback, options)
  }

  /**
   * The same to iterate over. Resolves when the subscription is live. `take` makes what is iterated over; what it throws ends
   * the subscription.
   */
  notifications<const Target extends WatchTarget>(
    target: Target,
    options?: NotifyOptions,
  ): Promise<NotificationStream<NotificationFor<Target>>>
  notifications<const Target extends WatchTarget, Item>(
    target: Target,
    options: NotifyOptions,
    take: (notification: NotificationFor<Target>) => Item,
  ): Promise<NotificationStream<Item>>
  notifications<const Target extends WatchTarget, Item>(
    target: Target,
    options: NotifyOptions = {},
    take?: (notification: NotificationFor<Target>) => Item,
  ): Promise<NotificationStream<NotificationFor<Target>>> | Promise<NotificationStream<Item>> {
    if (take !== undefined) return this.#notifier.iterate(target, options, take)
    return this.#notifier.iterate(target, options, (notification: NotificationFor<Target>) => notification)
  }

  /**
   * Registers to be told of changes, also while this client is away, as docs/registrations.md says; calls back for each, in
   * order, once. Resolves when the registration is made.
   */
  register(input: RegistrationInput, callback: ChangeCallback, options: RegisterOptions = {}): Promise<Registration> {
    return this.#registrar.register(input, callback, options)
  }

  /** The registrations of this client's token. */
  registrations(options: ListOptions = {}): AsyncGenerator<ListedRegistration, void> {
    return this.#registrar.list(options)
  }

  /** Ends a registration by its token. Throws `unknown_registration`. */
  endRegistration(token: string, options: CallOptions = {}): Promise<void> {
    return this.#registrar.end(token, options)
  }

  /** Binds an entity, to read, write and watch it field by field; nothing is read. */
  entity(entity: EntityRef): AnyEntityBinding {
    return new AnyEntityBinding(new DirectScope(this), entity)
  }

  /** The entities of a type that is defined in TypeScript. */
  of<Type extends TypeDefinition>(type: Type): TypeBinding<Type> {
    return new TypeBinding(this, type)
  }

  /** Begins changes of several entities that become one revision, or nothing. */
  multi(): MultiBinding {
    return new MultiBinding(this, (question, options) => this.#directory.find(question, options))
  }

  /** A copy of the whole store at one revision: the bytes of a snapshot file, in pieces. Needs level admin. */
  snapshot(options: CallOptions = {}): AsyncGenerator<Uint8Array, void> {
    return saveSnapshot(this.#caller, options)
  }

  /**
   * Sends a snapshot file, and plans what restoring it would change; nothing is changed before `apply`. Needs level admin.
   * Throws `invalid_snapshot`.
   */
  restore(source: SnapshotSource, options: RestoreOptions = {}): Promise<Restore> {
    return planRestore(this.#caller, source, options, (revision) => {
      this.#session.observe(revision)
      this.#directory.forgetAll()
    })
  }

  /** The state of the store. */
  status(options: CallOptions = {}): Promise<Status> {
    return readStatus(this.#caller, options)
  }

  /** Ends all subscriptions and pending calls with `canceled`, then the connection. */
  async close(): Promise<void> {
    this.#caller.close()
    await this.#connection[Symbol.asyncDispose]()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  get #queryContext() {
    return { caller: this.#caller, session: this.#session, directory: this.#directory }
  }

  #demand({ consistency }: ReadOptions) {
    const demand = this.#session.demand(consistency)
    return demand === undefined ? {} : { consistency: demand }
  }
}
