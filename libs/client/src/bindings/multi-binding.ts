import { isQError, QError } from '@qcore/errors'
import type { CallOptions } from '../calls/caller.ts'
import type { CommitInput, NewEntity } from '../commit/commit-builder.ts'
import type { CommitResult } from '../commit/committer.ts'
import type { EntityRefOf, TypeDefinition } from '../schema/define-type.ts'
import type { FieldSpec, WriteValue } from '../schema/field-spec.ts'
import type { EntityRef } from '../values/value-input.ts'
import type { BindingStore } from './binding-scope.ts'
import { commitListEdits, type ListEdits } from './commit-list-edits.ts'
import { AnyEntityBinding, EntityBinding } from './entity-binding.ts'
import type { FieldBinding } from './field-binding.ts'
import { MultiScope, type FieldTypeSource } from './multi-scope.ts'
import { PendingChanges } from './pending-changes.ts'
import { typedEntity, type NewEntityOf } from './type-binding.ts'

/** A commit whose outcome is not known: until it is, it can only be made again as it was. */
interface SentCommit {
  readonly input: CommitInput
  readonly idempotencyKey: string
}

/**
 * Changes of several entities that become one revision, or nothing. Until then they are seen by whoever reads through
 * the multi's bindings, and by nobody else. The reads of one tick are one request.
 */
export class MultiBinding {
  readonly #store: BindingStore
  readonly #scope: MultiScope
  #pending = new PendingChanges()
  #isCommitting = false
  #sent: SentCommit | undefined

  constructor(store: BindingStore, typeOf: FieldTypeSource) {
    this.#store = store
    this.#scope = new MultiScope(store, typeOf, { current: () => this.#pending, open: () => this.#open() })
  }

  /** How many changes wait to be committed. */
  get size(): number {
    return this.#pending.size
  }

  /** Binds an entity; nothing is read. */
  entity(entity: EntityRef): AnyEntityBinding<void>
  entity<Type extends TypeDefinition>(type: Type, entity: EntityRefOf<Type>): EntityBinding<Type, void>
  entity(first: EntityRef | TypeDefinition, entity?: EntityRef): unknown {
    return entity === undefined
      ? new AnyEntityBinding(this.#scope, first as EntityRef)
      : new EntityBinding(this.#scope, first as TypeDefinition, entity)
  }

  /** Creates an entity; its id is known at once. */
  create(type: string, entity: NewEntity): AnyEntityBinding<void>
  create<Type extends TypeDefinition>(type: Type, entity: NewEntityOf<Type>): EntityBinding<Type, void>
  create(type: string | TypeDefinition, entity: NewEntity): unknown {
    const id = entity.id ?? crypto.randomUUID()
    if (typeof type === 'string') {
      this.#open().create(type, { ...entity, id })
      return new AnyEntityBinding(this.#scope, id)
    }
    this.#open().create(type.type, { ...typedEntity(type, entity), id })
    return new EntityBinding(this.#scope, type, id)
  }

  /** Commits only if the field was last written by this revision. */
  ifRevision(field: FieldBinding<FieldSpec, void>, revision: number): this {
    this.#open().changes.ifRevision(field.entityId, field.name, revision)
    return this
  }

  /** Commits only if the field holds this value. */
  ifValue<Spec extends FieldSpec>(field: FieldBinding<Spec, void>, value: WriteValue<Spec>): this {
    this.#open().changes.ifValue(field.entityId, field.name, field.inputOf(value))
    return this
  }

  /** Commits only if the entity exists. */
  ifExists(entity: EntityRef): this {
    this.#open().changes.ifExists(entity)
    return this
  }

  /** Commits only if there is no entity of this id. */
  ifAbsent(entity: EntityRef): this {
    this.#open().changes.ifAbsent(entity)
    return this
  }

  /**
   * Makes all changes as one revision; the multi is empty then. After an error the changes are still there, to commit
   * again or to discard. After `outcome_unknown`, committing again is safe: what was made is not made twice.
   */
  async commit(options: CallOptions = {}): Promise<CommitResult> {
    if (this.#isCommitting) throw new QError('invalid_request', 'the multi is being committed')
    this.#isCommitting = true
    try {
      const result = await (this.#sent === undefined ? this.#commitPending(options) : this.#send(this.#sent, options))
      this.#pending = new PendingChanges()
      return result
    } finally {
      this.#isCommitting = false
    }
  }

  /** Forgets the changes. */
  discard(): void {
    if (this.#isCommitting) throw new QError('invalid_request', 'the multi is being committed')
    this.#pending = new PendingChanges()
    this.#sent = undefined
  }

  async #commitPending(options: CallOptions): Promise<CommitResult> {
    const lists = this.#pending.lists().map((edits) => this.#withBase(edits, options))
    const plan = {
      changes: this.#pending.changes,
      lists: await Promise.all(lists),
      commit: (input: CommitInput) => this.#send({ input, idempotencyKey: crypto.randomUUID() }, options),
    }
    return commitListEdits(this.#store, plan, options)
  }

  async #send(sent: SentCommit, options: CallOptions): Promise<CommitResult> {
    this.#sent = sent
    try {
      const result = await this.#store.commit(sent.input, { ...options, idempotencyKey: sent.idempotencyKey })
      this.#sent = undefined
      return result
    } catch (error) {
      if (!mayBeDone(error)) this.#sent = undefined
      throw error
    }
  }

  /** Nobody else knows of an entity that is created here, so that what its lists hold need not be guarded. */
  async #withBase(edits: ListEdits, options: CallOptions): Promise<ListEdits> {
    const created = this.#pending.created(edits.entityId)
    if (created === undefined) return edits
    const { fields } = await this.#store.schema(created.type, options)
    const base = Object.hasOwn(fields, edits.field) ? fields[edits.field]?.default : undefined
    return { ...edits, base: Array.isArray(base) ? (base as readonly string[]) : [] }
  }

  #open(): PendingChanges {
    if (this.#isCommitting) throw new QError('invalid_request', 'the multi is being committed')
    if (this.#sent !== undefined) {
      throw new QError(
        'outcome_unknown',
        'the multi was sent and its outcome is not known: commit again, or discard it',
      )
    }
    return this.#pending
  }
}

/** Whether a commit that failed may have been made all the same. */
function mayBeDone(error: unknown): boolean {
  return isQError(error, 'outcome_unknown') || isQError(error, 'canceled') || isQError(error, 'deadline_exceeded')
}
