/** The package that the messages and the values of a dialect belong to. */
export type DialectPackage = 'protobufs' | 'qprotobufs'
