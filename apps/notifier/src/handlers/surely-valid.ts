import { isMessage, type DescMessage, type MessageShape } from '@bufbuild/protobuf'
import { AckRequestSchema, type EventAnswer } from '@qcore/contracts'

const namespace = /^[a-z][a-z0-9_-]{0,62}$/
const nodeId = /^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$/
const mostAnswers = 1_000
const mostIdLength = 256

/**
 * Whether a request surely keeps the rules of its proto. Says so of answers to events only, which are many; of others, right or
 * wrong, it says false.
 */
export function isSurelyValid(message: MessageShape<DescMessage>): boolean {
  if (!isMessage(message, AckRequestSchema)) return false
  const { answers } = message
  const isList = answers.length > 0 && answers.length <= mostAnswers && answers.every(isPlainAnswer)
  return isList && namespace.test(message.namespace) && nodeId.test(message.nodeId)
}

function isPlainAnswer({ deliveryId, answer }: EventAnswer): boolean {
  const isKnown = answer.case === 'handled' || answer.case === 'progress'
  return isKnown && deliveryId.length > 0 && deliveryId.length <= mostIdLength
}
