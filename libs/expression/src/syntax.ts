import type { parse } from '@bufbuild/cel'

/** A node of the syntax tree. */
export type Expr = ReturnType<typeof parse>['expr']

export type CallExpr = Extract<Expr['exprKind'], { case: 'callExpr' }>['value']
export type SelectExpr = Extract<Expr['exprKind'], { case: 'selectExpr' }>['value']
export type ComprehensionExpr = Extract<Expr['exprKind'], { case: 'comprehensionExpr' }>['value']
export type StructExpr = Extract<Expr['exprKind'], { case: 'structExpr' }>['value']

/** The text of a constant; undefined for anything else. */
export function constantText(expr: Expr | undefined): string | undefined {
  if (expr?.exprKind.case !== 'constExpr') return undefined
  const { constantKind } = expr.exprKind.value
  return constantKind.case === 'stringValue' ? constantKind.value : undefined
}

/** The name of an identifier; undefined for anything else. */
export function identifier(expr: Expr | undefined): string | undefined {
  return expr?.exprKind.case === 'identExpr' ? expr.exprKind.value.name : undefined
}

/** Turns a node into an identifier; it stays in its place. */
export function becomeIdentifier(expr: Expr, name: string): void {
  expr.exprKind = { case: 'identExpr', value: { $typeName: 'cel.expr.Expr.Ident', name } }
}

/** A call of a function that takes a node's place. */
export function callOf(id: bigint, name: string, args: Expr[]): Expr {
  const value: CallExpr = { $typeName: 'cel.expr.Expr.Call', function: name, args }
  return { $typeName: 'cel.expr.Expr', id, exprKind: { case: 'callExpr', value } }
}

export function integer(id: bigint, value: number): Expr {
  return {
    $typeName: 'cel.expr.Expr',
    id,
    exprKind: {
      case: 'constExpr',
      value: { $typeName: 'cel.expr.Constant', constantKind: { case: 'int64Value', value: BigInt(value) } },
    },
  }
}
