/** PostgreSQL's clock, in microseconds since 1970. */
export const nowUs = '(extract(epoch from clock_timestamp()) * 1000000)::bigint'
