import { fromBinary } from '@bufbuild/protobuf'
import {
  FileDescriptorSetSchema,
  type DescriptorProto,
  type EnumDescriptorProto,
  type FileDescriptorProto,
} from '@bufbuild/protobuf/wkt'

/** The comments of protos, by the full names of what they are about; a field is `<message>.<field>`. */
export type ProtoComments = ReadonlyMap<string, string>

// Numbers of fields in google/protobuf/descriptor.proto, of which paths in the source are made.
const fileParts = { message: 4, enumeration: 5, service: 6 }
const messageParts = { field: 2, message: 3, enumeration: 4 }
const enumValue = 2
const serviceMethod = 2

/** Reads the comments of what `buf build` made. */
export function readProtoComments(image: Uint8Array): ProtoComments {
  const comments = new Map<string, string>()
  for (const file of fromBinary(FileDescriptorSetSchema, image).file) {
    const byPath = commentsByPath(file)
    const note = (name: string, path: readonly number[]): void => {
      const text = byPath.get(path.join('.'))
      if (text !== undefined) comments.set(name, text)
    }
    for (const [name, path] of namesOf(file)) note(name, path)
  }
  return comments
}

function commentsByPath({ sourceCodeInfo }: FileDescriptorProto): Map<string, string> {
  const comments = new Map<string, string>()
  for (const { path, leadingComments } of sourceCodeInfo?.location ?? []) {
    if (leadingComments !== '') comments.set(path.join('.'), oneText(leadingComments))
  }
  return comments
}

/** Lines are wrapped for people who read the source; empty ones separate paragraphs. */
function oneText(comment: string): string {
  return comment
    .split(/\n\s*\n/)
    .map((paragraph) => paragraph.trim().replaceAll(/\s*\n\s*/g, ' '))
    .join('\n\n')
}

type Named = [name: string, path: readonly number[]]

function namesOf(file: FileDescriptorProto): Named[] {
  const { package: scope } = file
  return [
    ...file.messageType.flatMap((message, n) => namesOfMessage(message, scope, [fileParts.message, n])),
    ...file.enumType.flatMap((each, n) => namesOfEnum(each, scope, [fileParts.enumeration, n])),
    ...file.service.flatMap((service, n): Named[] => {
      const path = [fileParts.service, n]
      const name = `${scope}.${service.name}`
      const methods = service.method.map((method, m): Named => [`${name}.${method.name}`, [...path, serviceMethod, m]])
      return [[name, path], ...methods]
    }),
  ]
}

function namesOfMessage(message: DescriptorProto, scope: string, path: readonly number[]): Named[] {
  const name = `${scope}.${message.name}`
  return [
    [name, path],
    ...message.field.map((field, n): Named => [`${name}.${field.name}`, [...path, messageParts.field, n]]),
    ...message.nestedType.flatMap((nested, n) => namesOfMessage(nested, name, [...path, messageParts.message, n])),
    ...message.enumType.flatMap((each, n) => namesOfEnum(each, name, [...path, messageParts.enumeration, n])),
  ]
}

function namesOfEnum(each: EnumDescriptorProto, scope: string, path: readonly number[]): Named[] {
  const name = `${scope}.${each.name}`
  return [[name, path], ...each.value.map((value, n): Named => [`${name}.${value.name}`, [...path, enumValue, n]])]
}
