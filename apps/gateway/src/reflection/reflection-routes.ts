import type { DescFile } from '@bufbuild/protobuf'
import { Code, type ConnectRouter } from '@connectrpc/connect'
import {
  ServerReflection,
  ServerReflectionV1alpha,
  type ServerReflectionRequest,
  type ServerReflectionRequestV1alpha,
} from '@qcore/contracts'
import { serializeFiles, type DescriptorIndex } from './descriptor-index.ts'

/** The two versions differ in the name of their package only. */
type Request = ServerReflectionRequest | ServerReflectionRequestV1alpha
type Answer =
  | { case: 'listServicesResponse'; value: { service: { name: string }[] } }
  | { case: 'fileDescriptorResponse'; value: { fileDescriptorProto: Uint8Array[] } }
  | { case: 'allExtensionNumbersResponse'; value: { baseTypeName: string; extensionNumber: number[] } }
  | { case: 'errorResponse'; value: { errorCode: number; errorMessage: string } }

/** Serves gRPC reflection. */
export function registerReflection(router: ConnectRouter, index: DescriptorIndex, services: readonly string[]): void {
  const names = [...services].sort().map((name) => ({ name }))
  async function* answerAll<R extends Request>(requests: AsyncIterable<R>) {
    const sent = new Set<string>()
    for await (const request of requests) {
      const messageResponse = answer(index, names, request, sent)
      yield { validHost: request.host, originalRequest: request, messageResponse }
    }
  }
  router.service(ServerReflection, {
    serverReflectionInfo: (requests: AsyncIterable<ServerReflectionRequest>) => answerAll(requests),
  })
  router.service(ServerReflectionV1alpha, {
    serverReflectionInfo: (requests: AsyncIterable<ServerReflectionRequestV1alpha>) => answerAll(requests),
  })
}

function answer(index: DescriptorIndex, names: { name: string }[], request: Request, sent: Set<string>): Answer {
  const { messageRequest: question } = request
  switch (question.case) {
    case 'listServices':
      return { case: 'listServicesResponse', value: { service: names } }
    case 'fileByFilename':
      return fileAnswer(index.file(question.value), question.value, sent)
    case 'fileContainingSymbol':
      return fileAnswer(index.fileOfSymbol(question.value), question.value, sent)
    case 'fileContainingExtension': {
      const { containingType, extensionNumber } = question.value
      const file = index.fileOfExtension(containingType, extensionNumber)
      return fileAnswer(file, `extension ${extensionNumber} of ${containingType}`, sent)
    }
    case 'allExtensionNumbersOfType': {
      const extensionNumber = index.extensionNumbers(question.value)
      if (extensionNumber === undefined) return errorAnswer(Code.NotFound, `there is no ${question.value}`)
      return { case: 'allExtensionNumbersResponse', value: { baseTypeName: question.value, extensionNumber } }
    }
    default:
      return errorAnswer(Code.InvalidArgument, 'the request asks nothing')
  }
}

function fileAnswer(file: DescFile | undefined, wanted: string, sent: Set<string>): Answer {
  if (file === undefined) return errorAnswer(Code.NotFound, `there is no ${wanted}`)
  // What was asked for is sent even if it was sent before; what it imports is not.
  sent.delete(file.proto.name)
  return { case: 'fileDescriptorResponse', value: { fileDescriptorProto: serializeFiles(file, sent) } }
}

/** Connect and gRPC number their codes alike. */
function errorAnswer(errorCode: Code, errorMessage: string): Answer {
  return { case: 'errorResponse', value: { errorCode, errorMessage } }
}
