import { create, createFileRegistry, fromBinary, type FileRegistry } from '@bufbuild/protobuf'
import { FileDescriptorProtoSchema, FileDescriptorSetSchema, type FileDescriptorProto } from '@bufbuild/protobuf/wkt'
import { createClient } from '@connectrpc/connect'
import { createGrpcTransport } from '@connectrpc/connect-node'
import {
  ServerReflection,
  ServerReflectionV1alpha,
  type ServerReflectionRequest,
  type ServerReflectionResponse,
} from '@qcore/contracts'

export type Question = NonNullable<ServerReflectionRequest['messageRequest']>
export type Answer = ServerReflectionResponse['messageResponse']

const services = { v1: ServerReflection, v1alpha: ServerReflectionV1alpha }
export type ReflectionVersion = keyof typeof services

/** Asks the gateway at the URL about its services, all questions in one stream. */
export async function askReflection(
  url: string,
  version: ReflectionVersion,
  questions: Question[],
  headers: { authorization: string },
): Promise<Answer[]> {
  const client = createClient(services[version] as typeof ServerReflection, createGrpcTransport({ baseUrl: url }))
  async function* requests() {
    for (const messageRequest of questions) yield { host: 'q', messageRequest }
  }
  const answers: Answer[] = []
  for await (const { messageResponse } of client.serverReflectionInfo(requests(), { headers }))
    answers.push(messageResponse)
  return answers
}

/** What a client makes of an answer: the first file is the one it asked for, the others are what that one needs. */
export function registryOf(answer: Answer | undefined): FileRegistry {
  if (answer?.case !== 'fileDescriptorResponse') throw new Error('the answer has no files')
  const received = answer.value.fileDescriptorProto.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes))
  const file: FileDescriptorProto[] = []
  const addAfterImports = (name: string | undefined): void => {
    const found = received.find((each) => each.name === name)
    if (found === undefined) throw new Error(`the answer lacks ${name}`)
    if (file.includes(found)) return
    for (const dependency of found.dependency) addAfterImports(dependency)
    file.push(found)
  }
  addAfterImports(received[0]?.name)
  return createFileRegistry(create(FileDescriptorSetSchema, { file }))
}
