import { choice, defineType, int, list, reference, text, timestamp } from '@qcore/client/schema'

// The names begin with Tour so that the tour disturbs no type of yours.

export const Person = defineType('TourPerson', { Email: text() })

export const Device = defineType('TourDevice', {
  Status: choice('OFF', 'ON'),
  Location: text(),
  LastSeen: timestamp(),
  Brightness: int({ default: 50 }),
  Owner: reference('TourPerson'),
  Parts: list('TourDevice'),
})

export const Config = defineType('TourConfig', { LastUpdate: timestamp() })
