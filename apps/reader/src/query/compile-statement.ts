import { CasingCache } from 'drizzle-orm/casing'
import type { BuildQueryConfig, Query, SQL } from 'drizzle-orm/sql/sql'

/** How PostgreSQL writes things. Drizzle's own dialect would load its query builders, which take a hundred MiB. */
const postgres: BuildQueryConfig = {
  casing: new CasingCache(),
  escapeName: (name) => `"${name.replaceAll('"', '""')}"`,
  escapeParam: (index) => `$${index + 1}`,
  escapeString: (text) => `'${text.replaceAll("'", "''")}'`,
}

/** The text of a statement, and its parameters. */
export function compileStatement(statement: SQL): Query {
  return statement.toQuery(postgres)
}
