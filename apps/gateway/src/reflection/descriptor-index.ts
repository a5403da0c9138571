import { createRegistry, toBinary, type DescFile, type DescService, type Registry } from '@bufbuild/protobuf'
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt'

/** Finds the files that describe services, and everything that those need. */
export class DescriptorIndex {
  readonly #files = new Map<string, DescFile>()
  readonly #registry: Registry

  constructor(services: readonly DescService[]) {
    for (const { file } of services) this.#addFile(file)
    this.#registry = createRegistry(...this.#files.values())
  }

  /** The file of this name, for example `qcore/store/v1/read.proto`. */
  file(name: string): DescFile | undefined {
    return this.#files.get(name)
  }

  /** The file that declares a symbol: a service, message, enum or extension, or a part of one. */
  fileOfSymbol(symbol: string): DescFile | undefined {
    const name = symbol.replace(/^\./, '')
    const found = this.#registry.get(name)
    if (found !== undefined) return found.file
    const owner = this.#registry.get(name.slice(0, Math.max(0, name.lastIndexOf('.'))))
    const part = name.slice(name.lastIndexOf('.') + 1)
    return owner !== undefined && partsOf(owner).includes(part) ? owner.file : undefined
  }

  /** The file that declares an extension of a message. */
  fileOfExtension(typeName: string, number: number): DescFile | undefined {
    const message = this.#registry.getMessage(typeName)
    return message === undefined ? undefined : this.#registry.getExtensionFor(message, number)?.file
  }

  /** The numbers of the extensions of a message; undefined if there is no such message. */
  extensionNumbers(typeName: string): number[] | undefined {
    const message = this.#registry.getMessage(typeName)
    if (message === undefined) return undefined
    const numbers: number[] = []
    for (const type of this.#registry) {
      if (type.kind === 'extension' && type.extendee.typeName === message.typeName) numbers.push(type.number)
    }
    return numbers.sort((a, b) => a - b)
  }

  #addFile(file: DescFile): void {
    if (this.#files.has(file.proto.name)) return
    this.#files.set(file.proto.name, file)
    for (const dependency of file.dependencies) this.#addFile(dependency)
  }
}

type Named = NonNullable<ReturnType<Registry['get']>>

function partsOf(owner: Named): string[] {
  switch (owner.kind) {
    case 'service':
      return owner.methods.map(({ name }) => name)
    case 'message':
      return [...owner.fields, ...owner.oneofs].map(({ name }) => name)
    case 'enum':
      return owner.values.map(({ name }) => name)
    default:
      return []
  }
}

/** A file and what it imports, each as a serialized FileDescriptorProto, without those that `sent` holds; adds them. */
export function serializeFiles(file: DescFile, sent: Set<string>): Uint8Array[] {
  if (sent.has(file.proto.name)) return []
  sent.add(file.proto.name)
  const imports = file.dependencies.flatMap((dependency) => serializeFiles(dependency, sent))
  return [toBinary(FileDescriptorProtoSchema, file.proto), ...imports]
}
