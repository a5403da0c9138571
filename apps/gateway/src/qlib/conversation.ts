import { QError } from '@qcore/errors'
import type { Logger } from '@qcore/service'
import { apiDialect } from './api/api-dialect.ts'
import { nameOfTypeUrl, type Envelope } from './message/envelope.ts'
import { unknownAnswer, type Dialect } from './message/dialect.ts'
import type { Answer } from './message/route.ts'
import type { Session } from './session.ts'
import { webDialect } from './web/web-dialect.ts'

/** The dialect of a message, by its name; that of the first clients if the name tells nothing. */
export function dialectOf({ typeUrl }: Envelope): Dialect {
  const name = nameOfTypeUrl(typeUrl)
  return dialects.find(({ package: own }) => name.startsWith(`${own}.`)) ?? webDialect
}

const dialects: readonly Dialect[] = [webDialect, apiDialect]

/** Carries a request out in its turn. Never rejects: what goes wrong is in the answer. */
export async function answerRequest(session: Session, { typeUrl, value }: Envelope, logger: Logger): Promise<Answer> {
  const typeName = nameOfTypeUrl(typeUrl)
  const { routes, package: name } = session.dialect
  const route = routes.get(typeName.startsWith(`${name}.`) ? typeName.slice(name.length + 1) : typeName)
  if (route === undefined) {
    const message = `there is no request ${typeName === '' ? 'without a name' : typeName.slice(0, 200)}`
    return unknownAnswer(typeName, new QError('unknown_method', message, { field: 'payload' }))
  }
  try {
    const answer = await route.answer(session, value)
    if (answer.error !== undefined) logger.debug({ err: answer.error, request: typeName }, 'a request failed')
    return answer
  } catch (error) {
    logger.error({ err: error, request: typeName }, 'a request failed')
    return unknownAnswer(typeName, new QError('internal', 'a fault of the gateway; its log has the cause'))
  }
}
