import { create } from '@bufbuild/protobuf'
import {
  CheckExistsResponseSchema,
  type CheckExistsRequest,
  type CheckExistsResponse,
  type ExistsQuestion,
} from '@qcore/contracts'
import type { EntitySource } from '@qcore/replica'
import type { HandlerContext } from '@connectrpc/connect'
import type { ReaderContext } from '../context.ts'
import { readAt } from '../read-at.ts'

export function checkExists(
  reader: ReaderContext,
  request: CheckExistsRequest,
  caller: HandlerContext,
): CheckExistsResponse | Promise<CheckExistsResponse> {
  return readAt(reader, request.consistency, caller, (source, { revision }) => {
    const response = create(CheckExistsResponseSchema)
    response.revision = revision
    response.exists = request.questions.map((question) => doesExist(source, question))
    return response
  })
}

function doesExist(source: EntitySource, { subject }: ExistsQuestion): boolean {
  switch (subject.case) {
    case 'entityId': {
      const entity = source.entity(subject.value)
      return entity !== undefined && entity !== null
    }
    case 'type':
      return source.type(subject.value) !== undefined
    case 'typeField':
      return source.type(subject.value.type)?.fieldsByName.has(subject.value.field) ?? false
    default:
      return false
  }
}
