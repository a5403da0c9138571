import { isQError, transformation, type Client, type FieldValue } from '@qcore/client'

/** What a tank does with a reading of its sensor, in centimetres. The default serves all tanks. */
const onReading = `{
  "Level": double(value) / 100.0,
  "Status": value < 0 || value > entity.Height ? "FAULT" : value * 10 > entity.Height * 9 ? "HIGH" : "OK",
  "Parent->Readings": parent.Readings + 1,
  "Parent->Alarm": value * 10 > entity.Height * 9 ? entity.Name + " is nearly full" : null,
}`

export interface Outcome {
  readonly level: FieldValue
  readonly status: FieldValue
  readonly readings: FieldValue
  readonly alarm: FieldValue
  /** Why an expression that does not fit was refused. */
  readonly refusal: string
}

/** Makes a site with two tanks, and feeds them readings. */
export async function runExample(q: Client): Promise<Outcome> {
  await q.setSchema({ type: 'Site', fields: { Readings: 'Int', Alarm: 'String' } })
  await q.setSchema({
    type: 'Tank',
    fields: {
      Height: { type: 'Int', default: 250 },
      Level: 'Float',
      Status: { type: 'Choice', choices: ['OK', 'HIGH', 'FAULT'] },
      Reading: { type: 'Transformation', default: onReading },
    },
  })
  const site = await q.create('Site', { parent: await q.root(), name: 'North' })
  const oil = await q.create('Tank', { parent: site, name: 'Oil' })
  const water = await q.create('Tank', { parent: site, name: 'Water' })

  await q.write(oil, 'Reading', 120)
  await q.write(water, 'Reading', 240)
  const refusal = await q.write(oil, 'Reading', transformation('{"Level": sensor / 100.0}')).then(
    () => 'none',
    (error: unknown) => (isQError(error, 'invalid_expression') ? error.message : String(error)),
  )

  const [level, status, readings, alarm] = await Promise.all([
    q.read(water, 'Level'),
    q.read(water, 'Status'),
    q.read(site, 'Readings'),
    q.read(site, 'Alarm'),
  ])
  return {
    level: level.value,
    status: status.value,
    readings: readings.value,
    alarm: alarm.value,
    refusal,
  }
}
