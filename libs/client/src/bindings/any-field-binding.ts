import type { WriteOptions } from '../commit/commit-builder.ts'
import type { CommitResult } from '../commit/committer.ts'
import type { ReadOptions } from '../read/consistency.ts'
import type { FieldSpec } from '../schema/field-spec.ts'
import type { FieldType } from '../values/field-type.ts'
import type { Timestamp } from '../values/timestamp.ts'
import {
  bool,
  choice,
  float,
  int,
  list,
  reference,
  string,
  timestamp,
  transformation,
  TypedValue,
  type BinaryFile,
  type EntityRef,
} from '../values/value-input.ts'
import type { TypedFieldValue } from '../values/value-message.ts'
import { expectType, FieldBinding } from './field-binding.ts'

type ValueOf<Type extends FieldType> = Extract<TypedFieldValue, { type: Type }>['value']

/**
 * A field whose type the compiler does not know. The methods that name a type throw QError `type_mismatch` if the field
 * is of another one.
 */
export class AnyFieldBinding<Written = Promise<CommitResult>> extends FieldBinding<FieldSpec, Written> {
  readInt(options?: ReadOptions): Promise<bigint> {
    return this.#readAs('Int', options)
  }

  readFloat(options?: ReadOptions): Promise<number> {
    return this.#readAs('Float', options)
  }

  readString(options?: ReadOptions): Promise<string> {
    return this.#readAs('String', options)
  }

  readBool(options?: ReadOptions): Promise<boolean> {
    return this.#readAs('Bool', options)
  }

  readFile(options?: ReadOptions): Promise<BinaryFile> {
    return this.#readAs('BinaryFile', options)
  }

  /** The id of an entity; empty for none. */
  readReference(options?: ReadOptions): Promise<string> {
    return this.#readAs('EntityReference', options)
  }

  readTimestamp(options?: ReadOptions): Promise<Timestamp> {
    return this.#readAs('Timestamp', options)
  }

  readChoice(options?: ReadOptions): Promise<string> {
    return this.#readAs('Choice', options)
  }

  readList(options?: ReadOptions): Promise<readonly string[]> {
    return this.#readAs('EntityList', options)
  }

  /** The expression. */
  readTransformation(options?: ReadOptions): Promise<string> {
    return this.#readAs('Transformation', options)
  }

  writeInt(value: bigint | number, options?: WriteOptions): Written {
    return this.write(int(value), options)
  }

  writeFloat(value: number, options?: WriteOptions): Written {
    return this.write(float(value), options)
  }

  writeString(value: string, options?: WriteOptions): Written {
    return this.write(string(value), options)
  }

  writeBool(value: boolean, options?: WriteOptions): Written {
    return this.write(bool(value), options)
  }

  writeFile(value: BinaryFile | Uint8Array, options?: WriteOptions): Written {
    return this.write(new TypedValue('BinaryFile', value), options)
  }

  /** Null for none. */
  writeReference(value: EntityRef | null, options?: WriteOptions): Written {
    return this.write(reference(value), options)
  }

  writeTimestamp(value: Timestamp | Date, options?: WriteOptions): Written {
    return this.write(timestamp(value), options)
  }

  writeChoice(value: string, options?: WriteOptions): Written {
    return this.write(choice(value), options)
  }

  /** Replaces the list; to change it, `list(name)` of the entity has `add` and `remove`. */
  writeList(value: readonly EntityRef[], options?: WriteOptions): Written {
    return this.write(list(value), options)
  }

  /** Replaces the expression. The other methods feed it. */
  writeTransformation(value: string, options?: WriteOptions): Written {
    return this.write(transformation(value), options)
  }

  async #readAs<Type extends FieldType>(type: Type, options: ReadOptions = {}): Promise<ValueOf<Type>> {
    const field = await this.readField(options)
    expectType(field, type)
    return field.value as ValueOf<Type>
  }
}
