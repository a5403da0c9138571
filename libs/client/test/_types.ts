import {
  bool,
  choice,
  defineType,
  file,
  float,
  int,
  list,
  reference,
  text,
  timestamp,
  transformation,
} from '../src/schema.ts'

export const Person = defineType('Person', { Age: int() })

export const Device = defineType(
  'Device',
  {
    Status: choice('OFF', 'ON'),
    Level: int({ default: 3n }),
    Weight: float(),
    Label: text(),
    Note: text({ unindexed: true, description: 'not searched for' }),
    Done: bool(),
    Picture: file(),
    Owner: reference('Person'),
    Other: reference(),
    SeenAt: timestamp(),
    Parts: list('Device'),
    Formula: transformation(),
    Mode: choice(['auto', 'manual'], { default: 'manual' }),
  },
  { description: 'something that can be switched' },
)
